package kvtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// testConflictKeys: keys that a conflict names are preconditions that do not
// hold, and without what needs them a batch comes to hold.
func testConflictKeys(t *testing.T, b Backend) {
	s := b.open(t)
	ctx := context.Background()
	const n = 200
	s.commit(func(b *kv.Batch) {
		for i := range n {
			if i%2 == 0 {
				b.Put(fmt.Appendf(nil, "k%03d", i), []byte("as read"))
			}
		}
	})
	// Others change some of what a batch will rely on, in every way.
	wrong := map[string]bool{}
	s.commit(func(b *kv.Batch) {
		for i := 0; i < n; i += 20 {
			k := fmt.Appendf(nil, "k%03d", i)
			b.Put(k, []byte("changed"))
			wrong[string(k)] = true
			k = fmt.Appendf(nil, "k%03d", i+2)
			b.Delete(k)
			wrong[string(k)] = true
			k = fmt.Appendf(nil, "k%03d", i+5)
			b.Put(k, []byte("made"))
			wrong[string(k)] = true
		}
	})
	without := map[string]bool{}
	for tries := 0; ; tries++ {
		var batch kv.Batch
		for i := range n {
			k := fmt.Appendf(nil, "k%03d", i)
			if without[string(k)] {
				continue
			}
			switch {
			case i%2 == 1 && i%3 == 0:
				batch.Require(k, nil)
			case i%2 == 1:
				batch.Insert(k, []byte("mine"))
			case i%3 == 0:
				batch.Require(k, []byte("as read"))
			case i%3 == 1:
				batch.Require(k, []byte("as read"))
				batch.Put(k, []byte("mine"))
			default:
				batch.Require(k, []byte("as read"))
				batch.Delete(k)
			}
		}
		err := s.Store.Commit(ctx, &batch)
		if err == nil {
			break
		}
		var c *kv.Conflict
		if !errors.Is(err, kv.ErrConflict) || !errors.As(err, &c) || len(c.Keys) == 0 {
			t.Fatalf("Commit: %v, want a Conflict that names keys", err)
		}
		for _, k := range c.Keys {
			if !wrong[string(k)] {
				t.Fatalf("%s is named, and is as it must be", k)
			}
			if without[string(k)] {
				t.Fatalf("%s is named, and is not in the batch", k)
			}
			without[string(k)] = true
		}
		if tries > n {
			t.Fatal("it never comes to an end")
		}
	}
	if len(without) != len(wrong) {
		t.Errorf("%d keys were named, %d are wrong", len(without), len(wrong))
	}
	v := s.view()
	for i := range n {
		k := fmt.Sprintf("k%03d", i)
		if wrong[k] {
			continue
		}
		want := []string{"as read", "mine", ""}[i%3]
		if i%2 == 1 {
			want = []string{"", "mine", "mine"}[i%3]
		}
		if got := string(v.get(k)[0]); got != want {
			t.Errorf("%s is %q, want %q", k, got, want)
		}
	}
	if !slices.ContainsFunc(v.all(), func(e kv.Entry) bool { return string(e.Value) == "changed" }) {
		t.Error("what others changed is gone")
	}
}
