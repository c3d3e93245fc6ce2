package pebblekv

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// writer commits numbered keys with values that do not compress and remembers
// which were acknowledged.
type writer struct {
	s     *Store
	rng   *rand.ChaCha8
	next  int
	acked []int
}

func newWriter(s *Store) *writer { return &writer{s: s, rng: rand.NewChaCha8([32]byte{9})} }

func (w *writer) write(size int) error {
	value := make([]byte, size)
	w.rng.Read(value)
	var b kv.Batch
	b.Put(fmt.Appendf(nil, "k%06d", w.next), value)
	w.next++
	err := w.s.Commit(context.Background(), &b)
	if err == nil {
		w.acked = append(w.acked, w.next-1)
	}
	return err
}

// check fails the test unless everything that was acknowledged is in s.
func (w *writer) check(t *testing.T, s *Store) {
	t.Helper()
	r, err := s.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, n := range w.acked {
		values, err := r.Get(context.Background(), fmt.Appendf(nil, "k%06d", n))
		if err != nil {
			t.Fatal(err)
		}
		if values[0] == nil {
			t.Fatalf("key %d of %d was acknowledged and is gone", n, w.next)
		}
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

// fullOptions are for tests with a full disk. A fatal error fails the test.
func fullOptions(t *testing.T, fs vfs.FS) Options {
	o := testOptions(fs)
	o.MinFree, o.ReserveBytes, o.SpaceCheck = -1, -1, 10*time.Millisecond
	o.OnFatal = func(err error) { t.Errorf("fatal: %v", err) }
	return o
}

// TestLittleRoom: commits stop before the disk is full and go on when there is
// room.
func TestLittleRoom(t *testing.T) {
	d := &disk{FS: vfs.NewMem(), tellUsage: true, room: 64 << 20}
	o := fullOptions(t, d)
	o.MinFree, o.ReserveBytes = 32<<20, 1<<20
	s, err := Open("data", o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := newWriter(s)
	for range 4 {
		if err := w.write(100 << 10); err != nil {
			t.Fatal(err)
		}
	}
	d.add(-40 << 20) // somebody else fills the disk
	eventually(t, "commits are refused", func() bool { return errors.Is(w.write(100), kv.ErrNoSpace) })
	if st := s.Stats(); !st.Full || st.Failed {
		t.Errorf("Stats: full %v, failed %v", st.Full, st.Failed)
	}
	w.check(t, s)
	var look kv.Batch
	look.Require([]byte("nothing here"), nil)
	if err := s.Commit(context.Background(), &look); err != nil {
		t.Errorf("a batch that writes nothing: %v", err)
	}
	d.add(40 << 20)
	eventually(t, "commits are taken again", func() bool { return w.write(100) == nil })
	w.check(t, s)
}

// TestReserve: a write that meets a full disk ends well with what the reserve
// gives back, and the store works on when there is room.
func TestReserve(t *testing.T) {
	d := &disk{FS: vfs.NewMem(), room: 30 << 20}
	o := fullOptions(t, d)
	o.ReserveBytes = 12 << 20
	s, err := Open("data", o)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the reserve lies there", func() bool { _, err := d.Stat("data/" + reserveFile); return err == nil })
	w := newWriter(s)
	var refused error
	for refused == nil && w.next < 1000 {
		refused = w.write(100 << 10)
	}
	if !errors.Is(refused, kv.ErrNoSpace) || errors.Is(refused, kv.ErrUnknown) {
		t.Fatalf("after %d commits: %v, want ErrNoSpace", len(w.acked), refused)
	}
	w.check(t, s)
	if s.failure() != nil {
		t.Fatalf("the store failed: %v", s.failure())
	}
	for range 20 {
		if err := w.write(10); !errors.Is(err, kv.ErrNoSpace) {
			t.Fatalf("while full: %v", err)
		}
	}
	d.add(100 << 20)
	eventually(t, "commits are taken again", func() bool { return w.write(100) == nil })
	for range 20 {
		if err := w.write(100 << 10); err != nil {
			t.Fatal(err)
		}
	}
	w.check(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = Open("data", o)
	if err != nil {
		t.Fatal(err)
	}
	w.check(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestNoReserve: with nothing to give back, the store stops taking commits,
// goes on answering reads, and has lost nothing that it acknowledged.
func TestNoReserve(t *testing.T) {
	mem := vfs.NewCrashableMem()
	d := &disk{FS: mem, room: 20 << 20}
	o := fullOptions(t, d)
	o.OnFatal = func(err error) { t.Logf("fatal: %v", err) }
	s, err := Open("data", o)
	if err != nil {
		t.Fatal(err)
	}
	w := newWriter(s)
	var refused error
	for refused == nil && w.next < 1000 {
		refused = w.write(100 << 10)
	}
	if !errors.Is(refused, kv.ErrUnknown) && !errors.Is(refused, kv.ErrNoSpace) {
		t.Fatalf("after %d commits: %v, want ErrUnknown or ErrNoSpace", len(w.acked), refused)
	}
	t.Logf("after %d commits: %v", len(w.acked), refused)
	w.check(t, s)
	for range 3 {
		if err := w.write(10); !errors.Is(err, kv.ErrUnavailable) && !errors.Is(err, kv.ErrNoSpace) {
			t.Fatalf("after the failure: %v", err)
		}
	}
	after, err := Open("data", testOptions(mem.CrashClone(vfs.CrashCloneCfg{})))
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	w.check(t, after)
	if err := s.Close(); err == nil {
		t.Error("Close of a failed store has no error")
	}
}
