package erasure

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Eraser erases the data of deleted spaces. A space that is erased is not open in
// this process, and other nodes do not open it any more.
//
// The data goes portion by portion, each a commit of its own, so that commits of
// other spaces are not held up, and so that a process that ends in the middle loses
// nothing of what it did: the next one goes on. The number of the space is never
// given out again. One row stays under it, which says that the space is erased: a node
// that has not heard of the deletion can neither commit to it nor open it.
type Eraser struct {
	Store kv.Store
	Owner uint64 // a random number of the process
	Now   func() time.Time

	// Guard adds to each portion what must hold for the space to be erased.
	Guard func(*kv.Batch)
	// Between is called after each portion with what it took and how many rows are
	// erased so far. An error ends the erasure.
	Between func(ctx context.Context, took time.Duration, rows int64) error
}

// ErrOthers: another process erases the space.
var ErrOthers = errors.New("another process erases the space")

const (
	// eraseLease is how long an erasure belongs to a process that says nothing.
	eraseLease = 15 * time.Second
	// portionRows and portionBytes bound a portion.
	portionRows  = 1024
	portionBytes = 4 << 20
)

// Erase erases the data of a space and frees its name. When nothing of it is left
// but the row that says so, it returns nil, and how many rows were erased, by this and earlier calls.
// ErrOthers says that another process does it or has just taken over.
func (e *Eraser) Erase(ctx context.Context, name string) (rows int64, err error) {
	key := codec.StoreErasing(name)
	r, err := e.Store.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	got, err := r.Get(ctx, codec.StoreSpace(name), key)
	r.Close()
	if err != nil {
		return 0, err
	}
	if got[0] == nil {
		return 0, nil // it was never opened, or all of it is gone
	}
	if len(got[0]) != 2 {
		return 0, fmt.Errorf("%w: the number of space %s", kv.ErrCorrupt, name)
	}
	var rec codec.Erasing
	if got[1] != nil {
		if rec, err = codec.DecodeErasing(got[1]); err != nil {
			return 0, err
		}
		if rec.Owner != e.Owner && rec.Until > e.Now().UnixNano() && !e.Store.Exclusive() {
			return rec.Rows, ErrOthers
		}
	}
	ks := codec.NewKeyspace(binary.BigEndian.Uint16(got[0]))
	p := portion{Eraser: e, key: key, stored: got[1], rec: rec, limit: portionRows / 4}
	rules := codec.Rules.Key(ks)
	// Every commit of a node that shares the store requires the rules that it read, or
	// that there are none: a node that does not know of the deletion yet commits
	// nothing more. For that this row stays for ever.
	var mark kv.Batch
	mark.Put(rules, []byte(codec.ErasedRules))
	if err := p.goOn(ctx, &mark, 0); err != nil {
		return p.rec.Rows, err
	}
	from, last := ks.All()
	end := rules
	for {
		began := time.Now()
		page, err := p.read(ctx, from, end)
		if err != nil {
			return p.rec.Rows, err
		}
		var b kv.Batch
		switch {
		case len(page) == 0 && bytes.Equal(end, rules):
			from, end = kv.After(rules), last
			continue
		case len(page) == 0:
			b.Require(key, p.stored)
			b.Delete(key)
			b.Delete(codec.StoreSpace(name))
			return p.rec.Rows, p.commit(ctx, &b)
		}
		next := kv.After(page[len(page)-1].Key)
		b.DeleteRange(from, next)
		if err := p.goOn(ctx, &b, int64(len(page))); err != nil {
			return p.rec.Rows, err
		}
		from = next
		if err := e.Between(ctx, time.Since(began), p.rec.Rows); err != nil {
			return p.rec.Rows, err
		}
	}
}

// portion is an erasure under way.
type portion struct {
	*Eraser
	key    []byte
	stored []byte // the record as it is stored; nil: there is none
	rec    codec.Erasing
	limit  int
}

// read reads the next rows, in pages of about the size of a portion: bodies are
// large, keys are small.
func (p *portion) read(ctx context.Context, from, end []byte) ([]kv.Entry, error) {
	r, err := p.Store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	page, err := r.Scan(ctx, from, end, p.limit, false)
	size := 0
	for i := range page {
		size += len(page[i].Key) + len(page[i].Value)
	}
	switch {
	case size > portionBytes && p.limit > 8:
		p.limit /= 2
	case size < portionBytes/2 && p.limit < portionRows:
		p.limit *= 2
	}
	return page, err
}

// goOn commits a portion and says so in the record.
func (p *portion) goOn(ctx context.Context, b *kv.Batch, rows int64) error {
	rec := codec.Erasing{Owner: p.Owner, Until: p.Now().Add(eraseLease).UnixNano(), Rows: p.rec.Rows + rows}
	value := rec.Append(nil)
	b.Require(p.key, p.stored)
	b.Put(p.key, value)
	if err := p.commit(ctx, b); err != nil {
		return err
	}
	p.stored, p.rec = value, rec
	return nil
}

// commit commits under the guard. A conflict is another process, or a deletion that
// has ended.
func (p *portion) commit(ctx context.Context, b *kv.Batch) error {
	p.Guard(b)
	err := p.Store.Commit(ctx, b)
	if errors.Is(err, kv.ErrConflict) {
		return ErrOthers
	}
	return err
}

// Rows is how many rows of a deleted space are erased so far; false: it has not begun,
// or it is over.
func Rows(ctx context.Context, store kv.Store, name string) (int64, bool, error) {
	r, err := store.Snapshot(ctx)
	if err != nil {
		return 0, false, err
	}
	defer r.Close()
	got, err := r.Get(ctx, codec.StoreErasing(name))
	if err != nil || got[0] == nil {
		return 0, false, err
	}
	rec, err := codec.DecodeErasing(got[0])
	return rec.Rows, err == nil, err
}
