package e2e

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/test/population"
)

const crashDefinitions = `traits:
  all: {event: "*", type: any, kind: count}
  names: {event: "*", kind: unique_list, property: event}
audiences:
  busy: {when: traits.all >= 5}
`

// freshDefinitions add the same under a condition that always holds, so that it is taken
// out of all events again.
const freshDefinitions = `traits:
  all: {event: "*", type: any, kind: count}
  names: {event: "*", kind: unique_list, property: event}
  fresh_all: {event: "*", type: any, kind: count, where: 'type != ""'}
audiences:
  busy: {when: traits.all >= 5}
  fresh_busy: {when: traits.fresh_all >= 5}
`

// members lists who is in an audience, by ID.
func (p *server) members(t testing.TB, space, audience string) (ids []string) {
	t.Helper()
	for next := ""; ; {
		var page struct {
			Data   []struct{ ID string }
			Cursor struct {
				HasMore bool   `json:"has_more"`
				Next    string `json:"next"`
			}
		}
		p.manage(t, http.MethodGet, "/api/spaces/"+space+"/audiences/"+audience+"/members?limit=1000&next="+next, &page)
		for _, m := range page.Data {
			ids = append(ids, m.ID)
		}
		if next = page.Cursor.Next; !page.Cursor.HasMore {
			slices.Sort(ids)
			return ids
		}
	}
}

// kill -9 while events pour in and definitions are computed over history: in the end the
// values are those of a computation over everything.
func TestKilledWhileDefinitionsAreComputed(t *testing.T) {
	t.Parallel()
	kills := 8
	if testing.Short() {
		kills = 3
	}
	s := newSite(t, watched(t))
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	stream := population.Config{Seed: 22, Active: 200, Kiosks: 2, Late: 0.05, Careless: -1}.Stream()
	var mu sync.Mutex
	senders := make([]*sender, 6)
	for i := range senders {
		r := rand.New(rand.NewPCG(random.Uint64(), uint64(i)))
		senders[i] = &sender{random: r, stream: func() (out [][]byte) {
			mu.Lock()
			defer mu.Unlock()
			for range 1 + r.IntN(15) {
				out = append(out, append([]byte(nil), stream.Next()...))
			}
			return out
		}}
	}
	for life := range kills {
		p := s.start(t)
		var stop atomic.Bool
		var all sync.WaitGroup
		for _, sn := range senders {
			all.Go(func() { sn.work(p.Addr, &stop) })
		}
		time.Sleep(time.Duration(random.Int64N(int64(500 * time.Millisecond))))
		if life == 1 { // there is history, and it is killed soon after
			p.administer(t, http.MethodPut, "/api/spaces/dev/definitions", crashDefinitions, nil)
			time.Sleep(time.Duration(random.Int64N(int64(100 * time.Millisecond))))
		}
		p.Kill()
		all.Wait()
	}
	p := s.start(t)
	for _, sn := range senders {
		if sn.wrong != nil {
			t.Fatal(sn.wrong)
		}
	}
	// However little came through before, the last life has enough to compare.
	const enough = 3000
	last := &sender{random: rand.New(rand.NewPCG(random.Uint64(), 9))}
	last.stream = func() (out [][]byte) {
		if len(last.acked) >= enough {
			return nil
		}
		for range 100 {
			out = append(out, append([]byte(nil), stream.Next()...))
		}
		return out
	}
	if last.work(p.Addr, new(atomic.Bool)); last.wrong != nil || len(last.acked) < enough {
		t.Fatalf("%d events were taken: %v", len(last.acked), last.wrong)
	}
	p.administer(t, http.MethodPut, "/api/spaces/dev/definitions", freshDefinitions, nil)
	p.settled(t, "dev")
	p.computed(t, "dev")
	eventually(t, patience, "nothing is left to evaluate", func() bool {
		var all struct{ Behind struct{ Commits int } }
		p.manage(t, http.MethodGet, "/api/spaces/dev/definitions", &all)
		return all.Behind.Commits == 0
	})
	busy, again := p.members(t, "dev", "busy"), p.members(t, "dev", "fresh_busy")
	t.Logf("%d kills, %d members", kills, len(busy))
	if len(again) < 20 {
		t.Errorf("only %d profiles have five events: it is hardly tested", len(again))
	}
	equal(t, "the members of busy", busy, again)
	for _, id := range again[:min(len(again), 200)] {
		var v struct {
			Traits []struct {
				Key   string
				Value any
			}
		}
		p.manage(t, http.MethodGet, "/api/spaces/dev/profiles/users/"+id+"/computed", &v)
		of := map[string]any{}
		for _, one := range v.Traits {
			of[one.Key] = one.Value
		}
		if of["all"] != of["fresh_all"] || of["all"] == nil {
			t.Errorf("%s: all is %v, computed afresh %v", id, of["all"], of["fresh_all"])
		}
	}
	p.stop(t)
	s.verify(t)
}
