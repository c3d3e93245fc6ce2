package kvtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kv"
)

func set(pairs ...string) model {
	m := model{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

// testWrites: later operations of a batch win over earlier ones.
func testWrites(t *testing.T, b Backend) {
	start := set("a", "1", "b", "2", "c", "3", "d", "4")
	k := func(s string) []byte { return []byte(s) }
	for _, test := range []struct {
		name string
		fill func(b *kv.Batch)
		want model
	}{
		{"nothing", func(b *kv.Batch) {}, start},
		{"put over", func(b *kv.Batch) { b.Put(k("a"), k("x")) }, set("a", "x", "b", "2", "c", "3", "d", "4")},
		{"put twice", func(b *kv.Batch) { b.Put(k("e"), k("x")); b.Put(k("e"), k("y")) }, set("a", "1", "b", "2", "c", "3", "d", "4", "e", "y")},
		{"put, delete", func(b *kv.Batch) { b.Put(k("a"), k("x")); b.Delete(k("a")) }, set("b", "2", "c", "3", "d", "4")},
		{"delete, put", func(b *kv.Batch) { b.Delete(k("a")); b.Put(k("a"), k("x")) }, set("a", "x", "b", "2", "c", "3", "d", "4")},
		{"delete absent", func(b *kv.Batch) { b.Delete(k("nope")) }, start},
		{"insert, put", func(b *kv.Batch) { b.Insert(k("e"), k("x")); b.Put(k("e"), k("y")) }, set("a", "1", "b", "2", "c", "3", "d", "4", "e", "y")},
		{"insert, delete", func(b *kv.Batch) { b.Insert(k("e"), k("x")); b.Delete(k("e")) }, start},
		{"insert twice", func(b *kv.Batch) { b.Insert(k("e"), k("x")); b.Insert(k("e"), k("y")) }, set("a", "1", "b", "2", "c", "3", "d", "4", "e", "y")},
		{"put, insert of an absent key", func(b *kv.Batch) { b.Put(k("e"), k("x")); b.Insert(k("e"), k("y")) }, set("a", "1", "b", "2", "c", "3", "d", "4", "e", "y")},
		{"range", func(b *kv.Batch) { b.DeleteRange(k("b"), k("d")) }, set("a", "1", "d", "4")},
		{"range to the end", func(b *kv.Batch) { b.DeleteRange(k("b"), nil) }, set("a", "1")},
		{"range from the start", func(b *kv.Batch) { b.DeleteRange(nil, k("b")) }, set("b", "2", "c", "3", "d", "4")},
		{"range of all", func(b *kv.Batch) { b.DeleteRange(nil, nil) }, set()},
		{"range of none", func(b *kv.Batch) { b.DeleteRange(k("c"), k("b")); b.DeleteRange(k("b"), k("b")) }, start},
		{"range to the empty key", func(b *kv.Batch) { b.DeleteRange(nil, []byte{}) }, start},
		{"put, range", func(b *kv.Batch) { b.Put(k("bb"), k("x")); b.DeleteRange(k("b"), k("c")) }, set("a", "1", "c", "3", "d", "4")},
		{"range, put", func(b *kv.Batch) { b.DeleteRange(k("a"), nil); b.Put(k("bb"), k("x")) }, set("bb", "x")},
		{"range, put, range, put", func(b *kv.Batch) {
			b.DeleteRange(k("a"), nil)
			b.Put(k("x"), k("1"))
			b.Put(k("y"), k("2"))
			b.DeleteRange(k("y"), nil)
			b.Put(k("z"), k("3"))
		}, set("x", "1", "z", "3")},
		{"overlapping ranges", func(b *kv.Batch) {
			b.DeleteRange(k("a"), k("c"))
			b.Put(k("b"), k("new"))
			b.DeleteRange(k("c"), k("e"))
		}, set("b", "new")},
		{"put with require", func(b *kv.Batch) { b.Put(k("a"), k("x")); b.Require(k("a"), k("1")) }, set("a", "x", "b", "2", "c", "3", "d", "4")},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := b.open(t)
			s.commit(func(b *kv.Batch) {
				for key, value := range start {
					b.Put([]byte(key), []byte(value))
				}
			})
			s.commit(test.fill)
			s.is(t, test.want)
		})
	}
}

// testPreconditions: what holds and what does not, and that nothing at all is
// written in a conflict. Preconditions look at the state before the batch.
func testPreconditions(t *testing.T, b Backend) {
	s := b.open(t)
	start := set("a", "1", "empty", "")
	s.commit(func(b *kv.Batch) {
		b.Put([]byte("a"), []byte("1"))
		b.Put([]byte("empty"), nil)
	})
	k := func(s string) []byte { return []byte(s) }
	for _, test := range []struct {
		name string
		fill func(b *kv.Batch)
		ok   bool
	}{
		{"require value", func(b *kv.Batch) { b.Require(k("a"), k("1")) }, true},
		{"require other value", func(b *kv.Batch) { b.Require(k("a"), k("2")) }, false},
		{"require prefix of the value", func(b *kv.Batch) { b.Require(k("a"), []byte{}) }, false},
		{"require longer value", func(b *kv.Batch) { b.Require(k("a"), k("1\x00")) }, false},
		{"require value of absent", func(b *kv.Batch) { b.Require(k("no"), k("1")) }, false},
		{"require empty of absent", func(b *kv.Batch) { b.Require(k("no"), []byte{}) }, false},
		{"require empty", func(b *kv.Batch) { b.Require(k("empty"), []byte{}) }, true},
		{"require absent, is empty", func(b *kv.Batch) { b.Require(k("empty"), nil) }, false},
		{"require absent", func(b *kv.Batch) { b.Require(k("no"), nil) }, true},
		{"require absent, is present", func(b *kv.Batch) { b.Require(k("a"), nil) }, false},
		{"insert present", func(b *kv.Batch) { b.Insert(k("a"), k("1")) }, false},
		{"insert present empty", func(b *kv.Batch) { b.Insert(k("empty"), k("1")) }, false},
		{"insert after delete in the batch", func(b *kv.Batch) { b.Delete(k("a")); b.Insert(k("a"), k("1")) }, false},
		{"insert after range in the batch", func(b *kv.Batch) { b.DeleteRange(nil, nil); b.Insert(k("a"), k("1")) }, false},
		{"put, then require what was before", func(b *kv.Batch) { b.Put(k("a"), k("1")); b.Require(k("a"), k("1")) }, true},
		{"put, then require what is put", func(b *kv.Batch) { b.Put(k("a"), k("2")); b.Require(k("a"), k("2")) }, false},
		{"two that agree", func(b *kv.Batch) { b.Require(k("a"), k("1")); b.Require(k("a"), k("1")) }, true},
		{"two that do not", func(b *kv.Batch) { b.Require(k("a"), k("1")); b.Require(k("a"), k("2")) }, false},
		{"absent twice", func(b *kv.Batch) { b.Require(k("no"), nil); b.Require(k("no"), nil) }, true},
		{"insert and require absent", func(b *kv.Batch) {
			b.Require(k("no"), nil)
			b.Insert(k("no"), k("1"))
			b.Delete(k("no"))
		}, true},
		{"insert and require present", func(b *kv.Batch) { b.Require(k("no"), k("1")); b.Insert(k("no"), k("1")) }, false},
		{"one bad among many good", func(b *kv.Batch) {
			for i := range 50 {
				b.Require(fmt.Append(nil, "no", i), nil)
			}
			b.Require(k("a"), k("9"))
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := s.try(test.fill) // first without a write, then with one
			if test.ok != (err == nil) || !test.ok && !errors.Is(err, kv.ErrConflict) {
				t.Fatalf("Commit: %v, want success: %v", err, test.ok)
			}
			s.is(t, start)
			err = s.try(func(b *kv.Batch) {
				b.Put(k("written"), k("1"))
				test.fill(b)
			})
			if test.ok != (err == nil) || !test.ok && !errors.Is(err, kv.ErrConflict) {
				t.Fatalf("Commit with a write: %v, want success: %v", err, test.ok)
			}
			want := start
			if test.ok {
				want = set("a", "1", "empty", "", "written", "1")
			}
			s.is(t, want)
			s.commit(func(b *kv.Batch) { b.Delete(k("written")) })
		})
	}
}

func testLimits(t *testing.T, b Backend) {
	s := b.open(t)
	longest := bytes.Repeat([]byte{0xff}, kv.MaxKeyBytes)
	largest := make([]byte, kv.MaxValueBytes)
	rand.NewChaCha8([32]byte{1}).Read(largest)
	s.commit(func(b *kv.Batch) { b.Put(longest, largest); b.Insert([]byte("ok"), nil) })
	want := model{string(longest): string(largest), "ok": ""}
	s.is(t, want)

	tooLong := make([]byte, kv.MaxKeyBytes+1)
	for name, test := range map[string]struct {
		fill func(b *kv.Batch)
		want error
	}{
		"put empty key":         {func(b *kv.Batch) { b.Put(nil, nil) }, kv.ErrInvalid},
		"insert empty key":      {func(b *kv.Batch) { b.Insert([]byte{}, nil) }, kv.ErrInvalid},
		"delete empty key":      {func(b *kv.Batch) { b.Delete(nil) }, kv.ErrInvalid},
		"require empty key":     {func(b *kv.Batch) { b.Require(nil, nil) }, kv.ErrInvalid},
		"put long key":          {func(b *kv.Batch) { b.Put(tooLong, nil) }, kv.ErrTooLarge},
		"delete long key":       {func(b *kv.Batch) { b.Delete(tooLong) }, kv.ErrTooLarge},
		"put large value":       {func(b *kv.Batch) { b.Put([]byte("k"), make([]byte, kv.MaxValueBytes+1)) }, kv.ErrTooLarge},
		"batch larger than all": {fillOver, kv.ErrTooLarge},
	} {
		err := s.try(func(b *kv.Batch) {
			b.Put([]byte("must not be there"), nil)
			test.fill(b)
		})
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	s.is(t, want)
	s.commit(func(b *kv.Batch) { b.DeleteRange(nil, nil) })
	s.is(t, set())
}

func fillOver(b *kv.Batch) {
	value := make([]byte, kv.MaxValueBytes)
	for i := range kv.MaxBatchBytes / kv.MaxValueBytes {
		b.Put([]byte{'k', byte(i)}, value)
	}
}

// testLargeBatches: many keys, and many bytes, in one batch.
func testLargeBatches(t *testing.T, b Backend) {
	s := b.open(t)
	m := model{}
	both := func(batch *kv.Batch) {
		t.Helper()
		m, _ = m.commit(batch)
		if err := s.Store.Commit(context.Background(), batch); err != nil {
			t.Fatal(err)
		}
		s.is(t, m)
	}
	var many kv.Batch
	for i := range 10000 {
		key := fmt.Appendf(nil, "%05d", i*7919%10000)
		switch i % 4 {
		case 0:
			many.Insert(key, key)
		case 1:
			many.Require(key, nil)
			many.Put(key, nil)
		default:
			many.Put(key, key)
		}
	}
	both(&many)
	if err := s.Store.Commit(context.Background(), &many); !errors.Is(err, kv.ErrConflict) {
		t.Fatalf("the same batch once more: %v, want ErrConflict", err)
	}
	var large kv.Batch
	value := make([]byte, 2<<20)
	rand.NewChaCha8([32]byte{2}).Read(value)
	for i := range 12 { // 24 MB: more than a memtable of the embedded store's tests
		large.Put(fmt.Append(nil, "large ", i), value[i:])
	}
	large.DeleteRange([]byte("00100"), []byte("09000"))
	for i := range 900 {
		large.Delete(fmt.Appendf(nil, "09%03d", i))
	}
	both(&large)
}

// testContexts: a context that has ended stops a call before it does anything.
func testContexts(t *testing.T, b Backend) {
	s := b.open(t)
	s.commit(func(b *kv.Batch) { b.Put([]byte("a"), []byte("1")) })
	v := s.view()
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("the caller went away"))
	check := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", what, err)
		}
	}
	var batch kv.Batch
	batch.Put([]byte("b"), nil)
	check("Commit", s.Store.Commit(ctx, &batch))
	r, err := s.Store.Snapshot(ctx)
	if err == nil { // a backend may open it lazily
		_, err = r.Get(ctx, []byte("a"))
		r.Close()
	}
	check("Snapshot", err)
	_, err = v.Get(ctx, []byte("a"))
	check("Get", err)
	_, err = v.Scan(ctx, nil, nil, 1, false)
	check("Scan", err)

	// A call cut short spoils nothing: not the store, and not another snapshot.
	s.is(t, set("a", "1"))
}
