package catalog

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// memory is a store of a few entries that can play a shared one and lose the
// answer to a commit.
type memory struct {
	mu      sync.Mutex
	entries map[string][]byte
	shared  bool
	commits int
	outcome func(commit func() error) error // nil: commit
}

func (m *memory) Exclusive() bool { return !m.shared }
func (m *memory) Close() error    { return nil }

func (m *memory) Snapshot(context.Context) (kv.Reader, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return memoryReader(maps.Clone(m.entries)), nil
}

func (m *memory) Commit(_ context.Context, b *kv.Batch) error {
	m.mu.Lock()
	outcome := m.outcome
	m.mu.Unlock()
	commit := func() error { return m.commit(b) }
	if outcome != nil {
		return outcome(commit)
	}
	return commit()
}

func (m *memory) commit(b *kv.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, op := range b.Ops() {
		old, there := m.entries[string(op.Key)]
		if op.Kind == kv.OpRequire && (there != (op.Value != nil) || !bytes.Equal(old, op.Value)) {
			return kv.ErrConflict
		}
	}
	if m.entries == nil {
		m.entries = map[string][]byte{}
	}
	for _, op := range b.Ops() {
		switch op.Kind {
		case kv.OpPut:
			m.entries[string(op.Key)] = bytes.Clone(op.Value)
		case kv.OpDelete:
			delete(m.entries, string(op.Key))
		}
	}
	m.commits++
	return nil
}

type memoryReader map[string][]byte

func (r memoryReader) Close() error { return nil }

func (r memoryReader) Get(_ context.Context, keys ...[]byte) ([][]byte, error) {
	var out [][]byte
	for _, k := range keys {
		out = append(out, r[string(k)])
	}
	return out, nil
}

func (r memoryReader) Scan(_ context.Context, from, to []byte, limit int, reverse bool) ([]kv.Entry, error) {
	var out []kv.Entry
	keys := slices.Sorted(maps.Keys(r))
	if reverse {
		slices.Reverse(keys)
	}
	for _, k := range keys {
		if k >= string(from) && (to == nil || k < string(to)) && len(out) < limit {
			out = append(out, kv.Entry{Key: []byte(k), Value: r[k]})
		}
	}
	return out, nil
}

func (r memoryReader) Scans(ctx context.Context, ranges []kv.Range, limit int, reverse bool) ([][]kv.Entry, error) {
	var out [][]kv.Entry
	for _, rg := range ranges {
		entries, err := r.Scan(ctx, rg.From, rg.To, limit, reverse)
		if err != nil {
			return nil, err
		}
		out = append(out, entries)
	}
	return out, nil
}
