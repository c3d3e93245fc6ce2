package space_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/rejects"
)

// meddled is a store that others write too: before is called ahead of each
// commit of more than a few keys, and may be another node.
type meddled struct {
	kv.Store
	before func()
}

func (m *meddled) Exclusive() bool { return false }

func (m *meddled) Commit(ctx context.Context, b *kv.Batch) error {
	if b.Len() > 20 && m.before != nil {
		m.before()
	}
	return m.Store.Commit(ctx, b)
}

// meddledSpaces are two nodes on one store. before is called ahead of commits of
// the first.
func meddledSpaces(t *testing.T) (first, second *space.Space, m *meddled) {
	t.Helper()
	store := memoryDisk()(t)
	m = &meddled{Store: store}
	first = openSpace(t, m, space.Config{})
	second = openSpace(t, &meddled{Store: store}, space.Config{})
	t.Cleanup(func() {
		for _, s := range []*space.Space{first, second} {
			if err := s.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return first, second, m
}

func person(n, event int, more string) string {
	return fmt.Sprintf(`{"type":"identify","messageId":"p%d-%d","timestamp":"2025-01-01T00:%02d:%02dZ","userId":"u%d","anonymousId":"a%d-%d","traits":{"n":%d}%s}`, n, event, n%60, event, n, n, event/2, event, more)
}

// Another node takes an event of one person while a commit with the events of
// many is under way. Only that person's are decided again.
func TestOnlyWhatConflictsIsDecidedAgain(t *testing.T) {
	first, second, m := meddledSpaces(t)
	const people, each = 40, 4
	var d space.Delivery
	d.Source = "src"
	d.Rejects = []rejects.Reject{{Code: "bad", Body: []byte("x")}}
	for e := range each {
		for p := range people {
			d.Messages = append(d.Messages, parse(t, person(p, e, "")))
		}
	}
	var once sync.Once
	m.before = func() {
		once.Do(func() { ingest(t, second, person(7, 50, "")) })
	}
	got, err := first.Ingest(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if got.Stored != people*each || got.Created != people-1 {
		t.Errorf("%+v", got)
	}
	st := first.Stats()
	if st.Again != each || st.Conflicts != 1 || st.Commits != 2 || st.Rejected != 1 {
		t.Errorf("%d events again, %d conflicts, %d commits, %d rejects; want %d, 1, 2, 1", st.Again, st.Conflicts, st.Commits, st.Rejected, each)
	}
	if rep := verify(t, second); rep.Events != people*each+1 || rep.Profiles != people {
		t.Errorf("%d events, %d profiles", rep.Events, rep.Profiles)
	}
	page, err := first.Rejects(t.Context(), rejects.Query{Limit: 10})
	if err != nil || len(page.Rejects) != 1 {
		t.Errorf("%d rejects, %v", len(page.Rejects), err)
	}
}

// What is only appended to a known strand relies on nothing but the strand: who
// logs in elsewhere with the same cookie does not get in its way.
func TestAnAppendIsInNobodysWay(t *testing.T) {
	first, second, m := meddledSpaces(t)
	var seen, more []string
	for p := range 30 {
		seen = append(seen, fmt.Sprintf(`{"type":"page","messageId":"s%d","timestamp":"2025-01-01T00:00:00Z","anonymousId":"c%d"}`, p, p))
		more = append(more, fmt.Sprintf(`{"type":"page","messageId":"t%d","timestamp":"2025-01-02T00:00:00Z","anonymousId":"c%d"}`, p, p))
	}
	ingest(t, first, seen...)
	var once sync.Once
	m.before = func() {
		once.Do(func() {
			ingest(t, second, `{"type":"identify","messageId":"in","timestamp":"2025-01-03T00:00:00Z","anonymousId":"c7","userId":"u7","traits":{"n":1}}`)
		})
	}
	ingest(t, first, more...)
	if st := first.Stats(); st.Conflicts != 0 {
		t.Errorf("%d conflicts, %d events again", st.Conflicts, st.Again)
	}
	if rep := verify(t, first); rep.Events != 61 || rep.Profiles != 30 {
		t.Errorf("%d events, %d profiles", rep.Events, rep.Profiles)
	}
}

// A message that two nodes take at once counts once, and the other messages of
// its delivery do not wait for it twice.
func TestARepeatOnTwoNodesAtOnce(t *testing.T) {
	first, second, m := meddledSpaces(t)
	var once sync.Once
	m.before = func() {
		once.Do(func() { ingest(t, second, person(3, 0, "")) })
	}
	var lines []string
	for p := range 20 {
		lines = append(lines, person(p, 0, ""))
	}
	if got := ingest(t, first, lines...); got.Stored != 19 || got.Repeats != 1 {
		t.Errorf("%+v", got)
	}
	if rep := verify(t, first); rep.Events != 20 {
		t.Errorf("%d events", rep.Events)
	}
}

// What cannot be told from its repeat is taken whole or not at all: a delivery
// with a mark, and one whose messages have no IDs of their own.
func TestDeliveriesThatStayWhole(t *testing.T) {
	for name, change := range map[string]func(d *space.Delivery){
		"mark": func(d *space.Delivery) { d.Mark = &space.Mark{Name: "file", Value: []byte("1")} },
		"no messageId": func(d *space.Delivery) {
			d.Messages = append(d.Messages, parse(t, `{"type":"track","event":"E","userId":"u7","timestamp":"2025-01-01T00:00:00Z"}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			first, second, m := meddledSpaces(t)
			d := space.Delivery{Source: "src", Rejects: []rejects.Reject{{Code: "bad"}}}
			for p := range 30 {
				d.Messages = append(d.Messages, parse(t, person(p, 0, "")))
			}
			change(&d)
			var once sync.Once
			m.before = func() {
				once.Do(func() { ingest(t, second, person(7, 50, "")) })
			}
			got, err := first.Ingest(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			st := first.Stats()
			if got.Stored != len(d.Messages) || st.Again != int64(len(d.Messages)) || st.Commits != 1 || st.Rejected != 1 {
				t.Errorf("%+v; %d again, %d commits, %d rejects", got, st.Again, st.Commits, st.Rejected)
			}
			verify(t, first)
		})
	}
}

// Two nodes get in each other's way at every commit, with late events, repeats,
// logins and a tablet: what is stored is what one node makes of it.
func TestNodesThatMeetAtEveryCommit(t *testing.T) {
	t.Parallel()
	var again int64
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 31))
			first, second, m := meddledSpaces(t)
			lines := apart(world(rng, 400, 12))
			var others []string
			for i, l := range lines {
				if i%3 == 0 {
					others = append(others, l)
				}
			}
			var met atomic.Int64
			var meeting sync.Mutex // the job commits too
			chance := rand.New(rand.NewPCG(seed, 32))
			m.before = func() {
				meeting.Lock()
				defer meeting.Unlock()
				if k := min(len(others), 1+chance.IntN(3)); k > 0 && chance.IntN(3) > 0 {
					ingest(t, second, others[:k]...)
					others = others[k:]
					met.Add(1)
				}
			}
			var wg sync.WaitGroup
			for len(lines) > 0 {
				var ds []space.Delivery
				for range 3 {
					k := min(len(lines), 1+rng.IntN(30))
					d := space.Delivery{Source: "src"}
					for _, l := range lines[:k] {
						d.Messages = append(d.Messages, parse(t, l))
					}
					lines = lines[k:]
					ds = append(ds, d)
				}
				for _, d := range ds {
					wg.Go(func() {
						if _, err := first.Ingest(context.Background(), d); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
			}
			meeting.Lock()
			ingest(t, second, others...)
			others = nil
			meeting.Unlock()
			if met.Load() == 0 {
				t.Error("the nodes never met")
			}
			again += first.Stats().Again
			if rep := verify(t, first); rep.Events != 400 {
				t.Errorf("%d events, want 400", rep.Events)
			}
		})
	}
	if again == 0 {
		t.Error("nothing was decided again")
	}
}

// While repeats are rare nobody looks for a messageId beforehand. Repeats of what
// another node took long ago are found all the same, one of many and all of many.
func TestRepeatsThatNobodyExpects(t *testing.T) {
	first, second, _ := meddledSpaces(t)
	n := 0
	lines := func(k int) (out []string) {
		for range k {
			out = append(out, fmt.Sprintf(`{"type":"track","event":"E","messageId":"n%d","userId":"v%d","timestamp":"2025-01-01T00:00:00Z"}`, n, n%3000))
			n++
		}
		return out
	}
	ingest(t, first, lines(10_000)...) // no repeat for so long that none is expected
	conflicts := first.Stats().Conflicts
	others := []string{person(5000, 1, ""), person(5001, 1, ""), person(5002, 1, "")}
	ingest(t, second, others...)
	if got := ingest(t, first, append(lines(50), others[1])...); got.Stored != 50 || got.Repeats != 1 {
		t.Errorf("one repeat: %+v", got)
	}
	if first.Stats().Conflicts == conflicts {
		t.Error("it was looked for beforehand")
	}
	if got := ingest(t, first, others...); got.Stored != 0 || got.Repeats != 3 {
		t.Errorf("nothing but repeats: %+v", got)
	}
	conflicts = first.Stats().Conflicts
	if got := ingest(t, first, append(lines(50), others[2])...); got.Stored != 50 || got.Repeats != 1 {
		t.Errorf("repeats once more: %+v", got)
	}
	if first.Stats().Conflicts != conflicts {
		t.Error("after repeats, they are not looked for beforehand")
	}
	if rep := verify(t, first); rep.Events != int64(n+3) {
		t.Errorf("%d events, want %d", rep.Events, n+3)
	}
}
