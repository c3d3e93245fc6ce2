package kvtest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/google/btree"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// Memory is a disk that is none: what was committed to it stays as long as it
// does. Tests of what stands on a store run on it many times faster than on a real
// one, above all under the race detector. It passes this suite itself.
type Memory struct {
	mu   sync.RWMutex
	tree *btree.BTreeG[kv.Entry]
}

// NewMemory makes an empty one.
func NewMemory() *Memory {
	return &Memory{tree: btree.NewG(32, func(a, b kv.Entry) bool { return bytes.Compare(a.Key, b.Key) < 0 })}
}

// Open opens it. Whoever writes it through two stores at once must not call them
// exclusive.
func (m *Memory) Open() kv.Store { return &memoryStore{m: m} }

type memoryStore struct {
	m *Memory

	life   sync.RWMutex // held for reading during each call
	closed bool
}

func (s *memoryStore) Exclusive() bool { return true }

func (s *memoryStore) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	s.closed = true
	return nil
}

// enter begins a call, which ends with s.life.RUnlock.
func (s *memoryStore) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.life.RLock()
	if s.closed {
		s.life.RUnlock()
		return kv.ErrClosed
	}
	return nil
}

func (s *memoryStore) Commit(ctx context.Context, b *kv.Batch) error {
	if err := b.Check(); err != nil {
		return err
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.life.RUnlock()
	m := s.m
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, op := range b.Ops() {
		if op.Kind != kv.OpInsert && op.Kind != kv.OpRequire {
			continue
		}
		e, present := m.tree.Get(kv.Entry{Key: op.Key})
		if op.Kind == kv.OpInsert && present || op.Kind == kv.OpRequire && (present != (op.Value != nil) || !bytes.Equal(e.Value, op.Value)) {
			return &kv.Conflict{Keys: [][]byte{bytes.Clone(op.Key)}}
		}
	}
	for _, op := range b.Ops() {
		switch op.Kind {
		case kv.OpPut, kv.OpInsert:
			m.tree.ReplaceOrInsert(kv.Entry{Key: bytes.Clone(op.Key), Value: append([]byte{}, op.Value...)})
		case kv.OpDelete:
			m.tree.Delete(kv.Entry{Key: op.Key})
		case kv.OpDeleteRange:
			for _, e := range scanTree(m.tree, op.Key, op.Value, m.tree.Len(), false) {
				m.tree.Delete(e)
			}
		}
	}
	return nil
}

func (s *memoryStore) Snapshot(ctx context.Context) (kv.Reader, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.life.RUnlock()
	s.m.mu.Lock() // a clone touches its original
	defer s.m.mu.Unlock()
	return &memoryReader{s: s, tree: s.m.tree.Clone()}, nil
}

type memoryReader struct {
	s    *memoryStore
	tree *btree.BTreeG[kv.Entry]

	mu     sync.Mutex
	closed bool
}

func (r *memoryReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return nil
}

func (r *memoryReader) enter(ctx context.Context) error {
	if err := r.s.enter(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		r.s.life.RUnlock()
		return fmt.Errorf("%w: this reader is", kv.ErrClosed)
	}
	return nil
}

func (r *memoryReader) Get(ctx context.Context, keys ...[]byte) ([][]byte, error) {
	if err := r.enter(ctx); err != nil {
		return nil, err
	}
	defer r.s.life.RUnlock()
	values := make([][]byte, len(keys))
	for i, k := range keys {
		if e, ok := r.tree.Get(kv.Entry{Key: k}); ok {
			values[i] = append([]byte{}, e.Value...)
		}
	}
	return values, nil
}

func (r *memoryReader) Scan(ctx context.Context, from, to []byte, limit int, reverse bool) ([]kv.Entry, error) {
	if err := kv.CheckLimit(limit); err != nil {
		return nil, err
	}
	if err := r.enter(ctx); err != nil {
		return nil, err
	}
	defer r.s.life.RUnlock()
	entries := scanTree(r.tree, from, to, limit, reverse)
	for i, e := range entries {
		entries[i] = kv.Entry{Key: slices.Clone(e.Key), Value: append([]byte{}, e.Value...)}
	}
	return entries, nil
}

func (r *memoryReader) Scans(ctx context.Context, ranges []kv.Range, limit int, reverse bool) ([][]kv.Entry, error) {
	out := make([][]kv.Entry, len(ranges))
	for i, rg := range ranges {
		var err error
		if out[i], err = r.Scan(ctx, rg.From, rg.To, limit, reverse); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// scanTree lists entries of a tree, which still belong to it.
func scanTree(tree *btree.BTreeG[kv.Entry], from, to []byte, limit int, reverse bool) (entries []kv.Entry) {
	take := func(e kv.Entry) bool {
		if len(entries) == limit || reverse && bytes.Compare(e.Key, from) < 0 || !reverse && to != nil && bytes.Compare(e.Key, to) >= 0 {
			return false
		}
		if !reverse || to == nil || bytes.Compare(e.Key, to) < 0 {
			entries = append(entries, e)
		}
		return true
	}
	switch {
	case !reverse:
		tree.AscendGreaterOrEqual(kv.Entry{Key: from}, take)
	case to == nil:
		tree.Descend(take)
	default:
		tree.DescendLessOrEqual(kv.Entry{Key: to}, take)
	}
	return entries
}
