package e2e

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/test/population"
	"github.com/selfsame-id/selfsame/test/wire"
)

// sender is one connection's worth of clients. Like an SDK it sends a request
// again until it is answered, with the same message IDs.
type sender struct {
	random  *rand.Rand
	stream  func() [][]byte // the next events; nil at the end
	pending [][]byte        // sent and not answered
	acked   [][]byte
	dropped [][]byte // sent, never answered, and given up
	wrong   error
	count   atomic.Int64 // of acked, for those who look on
}

// answeredSoFar is how many events of senders at work were answered.
func answeredSoFar(senders []*sender) (n int64) {
	for _, s := range senders {
		n += s.count.Load()
	}
	return n
}

// awaitAnswers waits until the server has answered so many events in all.
func awaitAnswers(t testing.TB, senders []*sender, n int64) {
	t.Helper()
	for deadline := time.Now().Add(patience); answeredSoFar(senders) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d events were answered in %v, %d are wanted", answeredSoFar(senders), patience, n)
		}
	}
}

// work sends to one life of the server until it ends.
func (s *sender) work(addr string, stop *atomic.Bool) {
	c, err := wire.Dial(addr, patience)
	if err != nil {
		return
	}
	defer c.Close()
	for !stop.Load() && s.wrong == nil {
		if s.pending == nil {
			if s.pending = s.stream(); s.pending == nil {
				return
			}
		}
		r, err := c.Do(wire.AppendRequest(nil, "127.0.0.1", "/v1/batch", wire.Basic(keyOf("dev")), batch(s.pending...)))
		switch {
		case err != nil:
			// Killed. Some clients are killed too, and never ask again.
			if s.random.IntN(4) == 0 {
				s.dropped = append(s.dropped, s.pending...)
				s.pending = nil
			}
			return
		case r.Status == 429 || r.Status == 503:
			time.Sleep(20 * time.Millisecond)
		case r.Status != 200:
			s.wrong = fmt.Errorf("status %d: %.300s", r.Status, r.Body)
		default:
			s.acked = append(s.acked, s.pending...)
			s.count.Store(int64(len(s.acked)))
			s.pending = nil
			// Enough that commits are shared, and not more than can be looked
			// through afterwards.
			time.Sleep(time.Duration(s.random.IntN(3000)) * time.Microsecond)
			if s.random.IntN(50) == 0 {
				// An answer that got lost on its way is asked for again.
				s.pending = s.acked[len(s.acked)-1:]
			}
		}
	}
}

// kill -9 at random moments: what was answered with 200 is there, once.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	kills := 15
	if testing.Short() {
		kills = 4
	}
	s := newSite(t, watched(t))
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))

	// One population for all, so that what belongs together comes over different
	// connections.
	stream := population.Config{Seed: 21, Active: 300, Kiosks: 2, Late: 0.05, Careless: -1}.Stream()
	var mu sync.Mutex
	take := func(n int) [][]byte {
		mu.Lock()
		defer mu.Unlock()
		var out [][]byte
		for range n {
			out = append(out, append([]byte(nil), stream.Next()...))
		}
		return out
	}
	senders := make([]*sender, 12)
	for i := range senders {
		r := rand.New(rand.NewPCG(random.Uint64(), uint64(i)))
		senders[i] = &sender{random: r, stream: func() [][]byte { return take(1 + r.IntN(15)) }}
	}
	for life := range kills {
		before := answeredSoFar(senders)
		p := s.start(t)
		var stop atomic.Bool
		var all sync.WaitGroup
		for _, sn := range senders {
			all.Go(func() { sn.work(p.Addr, &stop) })
		}
		awaitAnswers(t, senders, before+random.Int64N(300))
		if life == kills-1 { // the others may all have been short
			awaitAnswers(t, senders, int64(100*kills))
		}
		time.Sleep(time.Duration(random.Int64N(int64(50 * time.Millisecond))))
		p.Kill()
		all.Wait()
		if life == 0 {
			s.verify(t)
		}
	}
	p := s.start(t)
	var acked, maybe [][]byte
	for _, sn := range senders {
		if sn.wrong != nil {
			t.Fatal(sn.wrong)
		}
		acked = append(acked, sn.acked...)
		maybe = append(maybe, sn.dropped...)
		maybe = append(maybe, sn.pending...)
	}
	p.settled(t, "dev")
	sure, unsure := parsed(t, acked), parsed(t, maybe)
	t.Logf("%d kills: %d events answered, %d never", kills, len(sure), len(unsure))
	if len(sure) < 100*kills {
		t.Errorf("only %d events were answered: the server is hardly tested", len(sure))
	}
	counts := p.stored(t, "dev", p.profilesOf(t, "dev", distinctIDs(append(sure, unsure...))))
	lost, twice := 0, 0
	known := map[string]bool{}
	for i := range sure {
		id := sure[i].messageID
		if known[id] {
			continue
		}
		known[id] = true
		if counts[id] == 0 {
			if lost++; lost <= 5 {
				t.Errorf("%s was answered with 200 and is not there: %s", id, sure[i].line)
			}
		}
	}
	for i := range unsure {
		known[unsure[i].messageID] = true
	}
	for id, n := range counts {
		if n > 1 {
			if twice++; twice <= 5 {
				t.Errorf("%s is there %d times", id, n)
			}
		}
		if !known[id] {
			t.Errorf("%s is there and was never sent", id)
		}
	}
	if lost+twice > 0 {
		t.Errorf("%d of %d events lost, %d there more than once", lost, len(sure), twice)
	}
	p.stop(t)
	s.verify(t)
}
