package space

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/rejects"
)

// trimmed is two nodes on one store, whose jobs do not come in between.
type trimmed struct {
	store       *ahead
	first, next *Space
}

// ahead is a shared store in which something happens ahead of a commit, once.
type ahead struct {
	kv.Store
	of func(*kv.Batch) bool
	do func()
}

func (*ahead) Exclusive() bool { return false }

func (a *ahead) Commit(ctx context.Context, b *kv.Batch) error {
	if do := a.do; do != nil && a.of(b) {
		a.do = nil
		do()
	}
	return a.Store.Commit(ctx, b)
}

func newTrimmed(t *testing.T, most int64) *trimmed {
	t.Helper()
	memory := kvtest.NewMemory().Open()
	w := &trimmed{store: &ahead{Store: memory}}
	for at, store := range map[**Space]kv.Store{&w.first: w.store, &w.next: shared{memory}} {
		s, err := Open(t.Context(), store, Config{ID: "dev", Log: slog.New(slog.DiscardHandler), RejectMost: most})
		if err != nil {
			t.Fatal(err)
		}
		s.stopTasks()
		t.Cleanup(func() { s.Close(context.Background()) })
		*at = s
	}
	return w
}

// keep keeps n rejects of one source, received second by second from a time on.
func keep(t *testing.T, s *Space, from time.Time, n int) {
	t.Helper()
	d := Delivery{Source: "web"}
	for i := range n {
		at := from.Add(time.Duration(i) * time.Second).UnixNano()
		d.Rejects = append(d.Rejects, rejects.Reject{Code: "bad_json", Message: "why", ReceivedAt: at, Body: fmt.Append(nil, at)})
	}
	if _, err := s.Ingest(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// trim has a node trim to the end.
func trim(t *testing.T, s *Space) {
	t.Helper()
	s.writing.Lock()
	defer s.writing.Unlock()
	s.job.trim = time.Time{}
	if err := s.trimRejects(t.Context(), lease.Fence{}); err != nil {
		t.Fatal(err)
	}
}

// hold checks what is kept of the source, and that it is what is counted.
func hold(t *testing.T, s *Space, want int) {
	t.Helper()
	page, err := s.Rejects(t.Context(), rejects.Query{Limit: 1000, Bodies: true})
	if err != nil {
		t.Fatal(err)
	}
	counts, err := s.RejectCounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for _, c := range counts {
		sum += c.Count
	}
	if len(page.Rejects) != want || sum != int64(want) {
		t.Errorf("%d are kept and %d counted, want %d", len(page.Rejects), sum, want)
	}
}

// What another node keeps while old rejects are removed is not removed with them,
// though it was received earlier.
func TestTrimmingTakesOnlyWhatItSaw(t *testing.T) {
	t.Parallel()
	w := newTrimmed(t, 10)
	now := time.Now()
	keep(t, w.first, now, 15)
	w.store.of = func(b *kv.Batch) bool {
		for _, op := range b.Ops() {
			if op.Kind == kv.OpDelete || op.Kind == kv.OpDeleteRange {
				return true
			}
		}
		return false
	}
	w.store.do = func() { keep(t, w.next, now.Add(-time.Hour), 1) }
	w.first.writing.Lock()
	n, err := w.first.trimPage(t.Context(), lease.Fence{})
	w.first.writing.Unlock()
	if n != 5 || err != nil || w.store.do != nil {
		t.Fatalf("%d were removed, %v", n, err)
	}
	hold(t, w.first, 11)
	trim(t, w.first)
	hold(t, w.first, 10)
}

// A node whose rejects another one removed does not look again and again.
func TestTrimmingByAnotherNodeIsSeen(t *testing.T) {
	t.Parallel()
	w := newTrimmed(t, 10)
	keep(t, w.first, time.Now(), 25)
	if !w.first.rejects.TooMany() {
		t.Fatal("more than the budget is no reason to look")
	}
	trim(t, w.next)
	hold(t, w.next, 10)
	trim(t, w.first)
	if w.first.rejects.TooMany() {
		t.Error("there is nothing to remove, and the node looks all the time")
	}
	keep(t, w.first, time.Now().Add(time.Minute), 5)
	if !w.first.rejects.TooMany() {
		t.Error("there are more than the budget again, and the node waits")
	}
	trim(t, w.first)
	hold(t, w.first, 10)
	if w.first.rejects.TooMany() {
		t.Error("the node has removed what was too many, and looks all the time")
	}
}

// A damaged reject is removed when it is the oldest, like any other.
func TestADamagedRejectIsTrimmed(t *testing.T) {
	t.Parallel()
	w := newTrimmed(t, 10)
	now := time.Now()
	keep(t, w.first, now, 15)
	damage := func(at time.Time) {
		r, err := w.store.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		from, end := codec.Rejects.All(w.first.keys)
		page, err := r.Scan(t.Context(), from, end, 100, false)
		i := slices.IndexFunc(page, func(e kv.Entry) bool {
			_, received, _, ok := codec.Rejects.Parse(e.Key)
			return ok && received == at.UnixNano()
		})
		if err != nil || i < 0 {
			t.Fatal(page, err)
		}
		var b kv.Batch
		b.Put(page[i].Key, []byte("damaged"))
		if err := w.store.Commit(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
	}
	damage(now)
	damage(now.Add(2 * time.Second))
	trim(t, w.first)
	hold(t, w.first, 10)
	r, err := w.store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	from, end := codec.RejectCounts.All(w.first.keys)
	stored, err := r.Scan(t.Context(), from, end, 100, false)
	if err != nil || len(stored) != 1 {
		t.Errorf("%d counts are stored, want 1; %v", len(stored), err)
	}
	counts, err := w.first.RejectCounts(t.Context())
	if err != nil || len(counts) != 1 || counts[0].Count != 10 || counts[0].Messages != 10 {
		t.Errorf("counted are %+v, %v", counts, err)
	}
}
