package kvtest

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// model is the oracle: what a store must hold, in the plainest form. A model
// is never changed; commit returns a new one, so that an old one is a snapshot.
type model map[string]string

func (m model) commit(b *kv.Batch) (model, error) {
	for _, op := range b.Ops() {
		value, present := m[string(op.Key)]
		switch op.Kind {
		case kv.OpInsert:
			if present {
				return m, kv.ErrConflict
			}
		case kv.OpRequire:
			if present != (op.Value != nil) || value != string(op.Value) {
				return m, kv.ErrConflict
			}
		}
	}
	next := make(model, len(m))
	for k, v := range m {
		next[k] = v
	}
	for _, op := range b.Ops() {
		switch op.Kind {
		case kv.OpPut, kv.OpInsert:
			next[string(op.Key)] = string(op.Value)
		case kv.OpDelete:
			delete(next, string(op.Key))
		case kv.OpDeleteRange:
			for k := range next {
				if within(k, op.Key, op.Value) {
					delete(next, k)
				}
			}
		}
	}
	return next, nil
}

func within(k string, from, to []byte) bool {
	return k >= string(from) && (to == nil || k < string(to))
}

func (m model) scan(from, to []byte, limit int, reverse bool) []kv.Entry {
	keys := []string{}
	for k := range m {
		if within(k, from, to) {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	if reverse {
		slices.Reverse(keys)
	}
	var entries []kv.Entry
	for _, k := range keys[:min(limit, len(keys))] {
		entries = append(entries, kv.Entry{Key: []byte(k), Value: []byte(m[k])})
	}
	return entries
}

// differ says how got differs from want, or is empty.
func differ(got, want []kv.Entry) string {
	for i := range min(len(got), len(want)) {
		if !bytes.Equal(got[i].Key, want[i].Key) {
			return fmt.Sprintf("entry %d has key %q, want %q", i, got[i].Key, want[i].Key)
		}
		if got[i].Value == nil || !bytes.Equal(got[i].Value, want[i].Value) {
			return fmt.Sprintf("entry %d, key %q, has value %.40q (%d bytes), want %.40q (%d bytes)",
				i, got[i].Key, got[i].Value, len(got[i].Value), want[i].Value, len(want[i].Value))
		}
	}
	if len(got) != len(want) {
		return fmt.Sprintf("%d entries, want %d", len(got), len(want))
	}
	return ""
}

// same fails the test unless the view holds exactly m.
func (m model) same(t testing.TB, v *view) {
	t.Helper()
	if d := differ(v.all(), m.scan(nil, nil, 1<<30, false)); d != "" {
		t.Fatalf("the store is not what the model is: %s", d)
	}
}
