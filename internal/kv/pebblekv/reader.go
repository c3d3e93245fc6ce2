package pebblekv

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// ctxEvery is how many keys are read between two looks at the context.
const ctxEvery = 256

// Snapshot implements kv.Store: the newest state that is durable.
func (s *Store) Snapshot(ctx context.Context) (kv.Reader, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	return &reader{s: s, v: s.views.newest()}, nil
}

type reader struct {
	s    *Store
	v    *view
	once sync.Once

	mu     sync.RWMutex // held for reading while the view is read
	closed bool
}

// enter begins a read; leave ends it.
func (r *reader) enter(ctx context.Context) error {
	if err := r.s.enter(ctx); err != nil {
		return err
	}
	r.mu.RLock()
	if r.closed {
		r.leave()
		return fmt.Errorf("%w: this reader is", kv.ErrClosed)
	}
	return nil
}

func (r *reader) leave() {
	r.mu.RUnlock()
	r.s.leave()
}

// Get implements kv.Reader.
func (r *reader) Get(ctx context.Context, keys ...[]byte) (_ [][]byte, err error) {
	if err := r.enter(ctx); err != nil {
		return nil, err
	}
	defer r.leave()
	defer damaged(&err)
	if len(keys) >= leastMany {
		return r.getMany(ctx, keys)
	}
	values := make([][]byte, len(keys))
	for i, key := range keys {
		if i%ctxEvery == ctxEvery-1 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		if len(key) == 0 {
			continue // never written, and nothing the engine likes to be asked
		}
		got, closer, err := r.v.snap.Get(key)
		switch {
		case err == nil:
			values[i] = own(got)
			err = closer.Close()
		case errors.Is(err, pebble.ErrNotFound):
			err = nil
		}
		if err != nil {
			return nil, fmt.Errorf("get: %w", sentinel(err))
		}
	}
	return values, nil
}

// Scan implements kv.Reader.
func (r *reader) Scan(ctx context.Context, from, to []byte, limit int, reverse bool) (entries []kv.Entry, err error) {
	if err := kv.CheckLimit(limit); err != nil {
		return nil, err
	}
	if err := r.enter(ctx); err != nil {
		return nil, err
	}
	defer r.leave()
	defer damaged(&err)
	if to != nil && len(to) == 0 { // no key is less; the engine takes it for no bound
		return nil, nil
	}
	if len(from) == 0 {
		from = nil
	}
	it, err := r.v.snap.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return nil, fmt.Errorf("scan: %w", sentinel(err))
	}
	defer func() {
		if cerr := it.Close(); cerr != nil && err == nil {
			entries, err = nil, fmt.Errorf("scan: %w", sentinel(cerr))
		}
	}()
	first, next := it.First, it.Next
	if reverse {
		first, next = it.Last, it.Prev
	}
	for ok := first(); ok; ok = next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return nil, fmt.Errorf("scan: %w", sentinel(err))
		}
		entries = append(entries, kv.Entry{Key: slices.Clone(it.Key()), Value: own(value)})
		if len(entries) == limit {
			break
		}
		if len(entries)%ctxEvery == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
	}
	return entries, nil
}

// Scans implements kv.Reader.
func (r *reader) Scans(ctx context.Context, ranges []kv.Range, limit int, reverse bool) (_ [][]kv.Entry, err error) {
	if len(ranges) >= leastMany && !reverse && bounded(ranges) {
		if err := kv.CheckLimit(limit); err != nil {
			return nil, err
		}
		if err := r.enter(ctx); err != nil {
			return nil, err
		}
		defer r.leave()
		defer damaged(&err)
		return r.scanMany(ctx, ranges, limit)
	}
	out := make([][]kv.Entry, len(ranges))
	for i := range ranges {
		var err error
		if out[i], err = r.Scan(ctx, ranges[i].From, ranges[i].To, limit, reverse); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Close implements kv.Reader.
func (r *reader) Close() error {
	r.once.Do(func() {
		r.mu.Lock()
		r.closed = true
		r.mu.Unlock()
		r.s.views.drop(r.v)
	})
	return nil
}

// own copies a value; an empty one is not nil, which would say absent.
func own(v []byte) []byte {
	c := make([]byte, len(v))
	copy(c, v)
	return c
}

// damaged turns a panic of the engine into kv.ErrCorrupt: some kinds of damage
// it meets with one. Mistakes of this program stay panics.
func damaged(err *error) {
	switch r := recover().(type) {
	case nil:
	case runtime.Error:
		panic(r)
	default:
		*err = fmt.Errorf("%w: engine: %v", kv.ErrCorrupt, r)
	}
}
