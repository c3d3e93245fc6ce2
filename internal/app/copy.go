package app

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"

	"github.com/selfsame-id/selfsame/internal/config"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/dedupe"
)

// Errors of a copy.
var (
	// ErrNotEmpty: the destination of a copy holds data that is no unfinished
	// copy.
	ErrNotEmpty = errors.New("the destination is not empty")
	// ErrCopyDiffers: what was read back from the destination is not what was
	// read from the source.
	ErrCopyDiffers = errors.New("the copy is not what was copied")
	// ErrUnfinishedCopy: the store is the destination of a copy that was broken
	// off.
	ErrUnfinishedCopy = errors.New("a copy into this store was interrupted; run the same `selfsame copy` again to start over")
)

// Tally is what was read of a store: rows, their bytes, and a checksum that does
// not depend on their order.
type Tally struct {
	Rows, Bytes int64
	Sum         [2]uint64
}

// add counts one row. The digests of rows are added up, so rows that differ,
// are missing or are there twice change the sum.
func (t *Tally) add(key, value []byte) {
	h := sha256.New()
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(key)))
	h.Write(n[:])
	h.Write(key)
	h.Write(value)
	d := h.Sum(make([]byte, 0, sha256.Size))
	t.Rows++
	t.Bytes += int64(len(key) + len(value))
	t.Sum[0] += binary.BigEndian.Uint64(d)
	t.Sum[1] += binary.BigEndian.Uint64(d[8:])
}

// String gives the checksum in hexadecimal digits.
func (t *Tally) String() string { return fmt.Sprintf("%016x%016x", t.Sum[0], t.Sum[1]) }

// CopyStage says what a copy is doing.
type CopyStage string

// The stages of a copy, in order.
const (
	Counting  CopyStage = "counted"
	Copying   CopyStage = "copied"
	Repeating CopyStage = "prepared to recognise repeats"
	Comparing CopyStage = "compared"
)

// Copy copies everything that one configuration's store holds into the empty
// store of another one, reads it back and compares. It takes one snapshot of the
// source. progress is told rows and bytes of a stage, and how many rows there
// will be, 0 if that is not known yet.
func Copy(ctx context.Context, from, to config.Config, log *slog.Logger, progress func(stage CopyStage, done Tally, total int64)) (t Tally, err error) {
	src, err := placeOf(from).open(ctx, from, log)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	if err := readable(ctx, src); err != nil {
		return t, placeOf(from).explain(err)
	}
	dst, err := placeOf(to).open(ctx, to, log)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	if err := makeRoom(ctx, dst); err != nil {
		return t, placeOf(to).explain(err)
	}

	total := int64(0)
	if src.Exclusive() {
		// Reading a directory is cheap beside writing a database, and people want to
		// know how long it will take. Reading a database twice is not.
		err := rows(ctx, src, func(page []kv.Entry) error {
			total += int64(len(page))
			progress(Counting, Tally{Rows: total}, 0)
			return nil
		})
		if err != nil {
			return t, fmt.Errorf("count: %w", err)
		}
	}
	err = rows(ctx, src, func(page []kv.Entry) error {
		var b kv.Batch
		size := 0
		for _, e := range page {
			if size += len(e.Key) + len(e.Value); size > mostCopied && b.Len() > 0 {
				if err := put(ctx, dst, &b); err != nil {
					return err
				}
				size = len(e.Key) + len(e.Value)
			}
			b.Put(e.Key, e.Value)
			t.add(e.Key, e.Value)
		}
		progress(Copying, t, total)
		return put(ctx, dst, &b)
	})
	if err != nil {
		return t, fmt.Errorf("copy: %w", err)
	}
	if !dst.Exclusive() {
		err := dedupe.RebuildShared(ctx, dst, to.DedupeWindow.Span(), func(n int64) { progress(Repeating, Tally{Rows: n}, 0) })
		if err != nil {
			return t, fmt.Errorf("prepare to recognise repeats: %w", err)
		}
	}
	var back Tally
	err = rows(ctx, dst, func(page []kv.Entry) error {
		for _, e := range page {
			back.add(e.Key, e.Value)
		}
		progress(Comparing, back, t.Rows)
		return nil
	})
	if err != nil {
		return t, fmt.Errorf("compare: %w", err)
	}
	if back != t {
		return t, fmt.Errorf("%w: %d rows, %d bytes and checksum %s were read, %d rows, %d bytes and checksum %s came back; nothing else may use the destination meanwhile",
			ErrCopyDiffers, t.Rows, t.Bytes, &t, back.Rows, back.Bytes, &back)
	}
	var b kv.Batch
	b.Delete(codec.StoreCopying)
	return t, put(ctx, dst, &b)
}

// mostCopied bounds a batch of a copy.
const mostCopied = 4 << 20

// rows reads every row of a store that a copy is about, page by page.
func rows(ctx context.Context, s kv.Store, fn func(page []kv.Entry) error) error {
	r, err := s.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	limit := 64
	for from := []byte(nil); ; {
		page, err := r.Scan(ctx, from, nil, limit, false)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return nil
		}
		whole := len(page) == limit
		from = kv.After(page[len(page)-1].Key)
		size, kept := 0, page[:0]
		for _, e := range page {
			size += len(e.Key) + len(e.Value)
			if string(e.Key) != string(codec.StoreCopying) && codec.Copyable(e.Key) {
				kept = append(kept, e)
			}
		}
		if len(kept) > 0 {
			if err := fn(kept); err != nil {
				return err
			}
		}
		if !whole {
			return nil
		}
		// Pages of about the size of a batch: bodies are large, keys are small.
		if size > mostCopied && limit > 8 {
			limit /= 2
		} else if size < mostCopied/2 && limit < 4096 {
			limit *= 2
		}
	}
}

// put commits a batch that only puts, so that it may be committed again.
func put(ctx context.Context, s kv.Store, b *kv.Batch) error {
	if b.Len() == 0 {
		return nil
	}
	err := s.Commit(ctx, b)
	for try := 0; try < 5 && errors.Is(err, kv.ErrUnknown); try++ {
		err = s.Commit(ctx, b)
	}
	if err == nil {
		b.Reset()
	}
	return err
}

// makeRoom marks an empty store as the destination of a copy, and empties one
// that is marked already.
func makeRoom(ctx context.Context, s kv.Store) error {
	r, err := s.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	mark, err := r.Get(ctx, codec.StoreCopying)
	if err != nil {
		return err
	}
	var b kv.Batch
	if mark[0] == nil {
		page, err := r.Scan(ctx, nil, nil, 1, false)
		if err != nil {
			return err
		}
		if len(page) > 0 {
			return fmt.Errorf("%w; choose a directory or a database that nothing was written to", ErrNotEmpty)
		}
		b.Insert(codec.StoreCopying, nil)
		return s.Commit(ctx, &b)
	}
	// Page by page, for one statement over all of a large store would take too long.
	for from := []byte(nil); ; {
		page, err := r.Scan(ctx, from, nil, 4096, false)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, e := range page {
			if string(e.Key) != string(codec.StoreCopying) {
				b.Delete(e.Key)
			}
		}
		if err := put(ctx, s, &b); err != nil {
			return err
		}
		from = kv.After(page[len(page)-1].Key)
	}
}

// readable refuses a store that is not ours to read: of another version, or left
// by a copy that was broken off. Every way to a store goes through it.
func readable(ctx context.Context, s kv.Store) error {
	if err := space.CheckSchema(ctx, s); err != nil {
		return err
	}
	return finished(ctx, s)
}

// finished refuses a store that a copy was broken off into.
func finished(ctx context.Context, s kv.Store) error {
	r, err := s.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	mark, err := r.Get(ctx, codec.StoreCopying)
	if err == nil && mark[0] != nil {
		err = ErrUnfinishedCopy
	}
	return err
}
