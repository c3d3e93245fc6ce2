package kvtest

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// testTracker holds a store whose readers are kv.Trackers to what they say, while
// others write.
func testTracker(t *testing.T, b Backend) {
	s := b.open(t)
	first := s.view()
	if _, ok := first.Reader.(kv.Tracker); !ok {
		t.Fatal("its readers do not know what was written")
	}
	const writers, keysEach, rounds = 3, 4, 60
	var keys [][]byte
	for i := range writers * keysEach {
		keys = append(keys, fmt.Appendf(nil, "key %d", i))
	}
	read := func() (kv.Tracker, [][]byte) {
		v := s.view()
		values, err := v.Get(context.Background(), keys...)
		if err != nil {
			t.Fatal(err)
		}
		return v.Reader.(kv.Tracker), values
	}
	same := func(before, after kv.Tracker, was, is [][]byte) (unchanged int) {
		for i, key := range keys {
			if !after.Unchanged(before.Moment(), key) {
				continue
			}
			unchanged++
			if (was[i] == nil) != (is[i] == nil) || !bytes.Equal(was[i], is[i]) {
				t.Errorf("%s was %q at %d and is %q at %d, and is said to be unchanged", key, was[i], before.Moment(), is[i], after.Moment())
			}
		}
		return unchanged
	}

	// Alone: what nobody writes is unchanged, what somebody writes is not.
	before, was := read()
	if after, is := read(); same(before, after, was, is) != len(keys) {
		t.Error("nothing was written, and not all keys are unchanged")
	}
	s.commit(func(b *kv.Batch) { b.Put(keys[0], []byte("x")) })
	after, is := read()
	if same(before, after, was, is) == 0 || after.Unchanged(before.Moment(), keys[1], keys[0]) || after.Moment() <= before.Moment() {
		t.Error("after one key was written it is unchanged, or all others are not")
	}
	if before.Unchanged(after.Moment(), keys[1]) {
		t.Error("an earlier reader knows a later moment")
	}
	s.commit(func(b *kv.Batch) { b.Require(keys[0], []byte("x")); b.DeleteRange(keys[0], kv.After(keys[0])) })
	if deleted, _ := read(); deleted.Unchanged(after.Moment(), keys[0]) {
		t.Error("a key in a range that was deleted is unchanged")
	}

	// While others write.
	var all sync.WaitGroup
	done := make(chan struct{})
	for w := range writers {
		all.Go(func() {
			for n := range rounds {
				err := s.try(func(b *kv.Batch) {
					key := keys[w*keysEach+n%keysEach]
					if n%7 == 6 {
						b.Delete(key)
					} else {
						b.Put(key, fmt.Append(nil, n))
					}
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() { all.Wait(); close(done) }()
	before, was = read()
	for last := false; !last; {
		select {
		case <-done:
			last = true
		default:
		}
		after, is := read()
		same(before, after, was, is)
		before, was = after, is
	}
}
