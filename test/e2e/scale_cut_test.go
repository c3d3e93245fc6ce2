package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
	"github.com/selfsame-id/selfsame/test/wire"
)

// Connections to the database are cut under load at the worst moments: before a
// COMMIT gets there, right after it was forwarded, when its answer is on the way
// back, and anywhere else. Nothing that was answered is lost, nothing counts twice;
// also messages without a messageId, which no memory of repeats protects.
func TestConnectionsCutUnderLoad(t *testing.T) {
	t.Parallel()
	db := pgtest.Start(t)
	proxy := pgtest.StartProxy(t, db.Port)
	s := newSite(t, watched(t))
	s.store = pgtest.URL(proxy.Addr)
	nodes := []*server{s.start(t), s.start(t)}

	var before, during, behind, between atomic.Int64 // cuts, where they were
	proxy.Judge(func(up bool, data []byte) pgtest.Verdict {
		dice := rand.IntN(1000)
		switch commit := up && pgtest.IsCommit(data); {
		case commit && dice < 60:
			before.Add(1)
			return pgtest.Cut
		case commit && dice < 120:
			during.Add(1)
			return pgtest.CutAfter
		case !up && pgtest.IsCommitted(data) && dice < 90:
			behind.Add(1)
			return pgtest.Cut
		case !commit && dice < 3:
			between.Add(1)
			return pgtest.Cut
		}
		return pgtest.Pass
	})
	senders := shoppers(8, 81)
	stop := load(senders, nodes...)

	// These give a message up that was not answered with 200.
	var nameless [4]struct{ sure, unsure []string }
	var good atomic.Int64 // that were answered with 200
	var over atomic.Bool
	var all sync.WaitGroup
	for i := range nameless {
		p := nodes[i%2]
		all.Go(func() {
			for n := 0; !over.Load(); n++ {
				user := fmt.Sprintf("nameless-%d-%d", i, n)
				c, err := wire.Dial(p.Addr, patience)
				if err != nil {
					t.Error(err)
					return
				}
				r, err := c.Do(wire.AppendRequest(nil, "127.0.0.1", "/v1/track", wire.Basic(keyOf("dev")), []byte(`{"userId":"`+user+`","event":"Seen"}`)))
				_ = c.Close()
				if err == nil && r.Status == http.StatusOK {
					nameless[i].sure = append(nameless[i].sure, user)
					good.Add(1)
				} else {
					nameless[i].unsure = append(nameless[i].unsure, user)
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	enough := func() bool {
		return before.Load() >= 3 && during.Load() >= 5 && behind.Load() >= 5 && between.Load() >= 3 && good.Load() >= 20
	}
	eventually(t, patience, "enough connections were cut", enough)
	proxy.Judge(nil)
	over.Store(true)
	all.Wait()
	stop()
	t.Logf("%d events answered; cut: %d before a COMMIT, %d after it, %d before its answer, %d elsewhere",
		answered(senders), before.Load(), during.Load(), behind.Load(), between.Load())

	events := everything(t, senders, nodes)
	want := alone(t, s.config, events)
	rested(t, nodes...)
	accounted(t, nodes[0], events, nil)
	for i, p := range nodes {
		samePortraits(t, "node "+strconv.Itoa(i+1), p.portraits(t, "dev", distinctIDs(events)), want.portraits)
	}
	sure, unsure := 0, 0
	for i := range nameless {
		sure, unsure = sure+len(nameless[i].sure), unsure+len(nameless[i].unsure)
		for _, user := range nameless[i].sure {
			if n := len(nodes[i%2].events(t, "dev", "user_id:"+user)); n != 1 {
				t.Errorf("the event of %s was answered with 200 once and is there %d times", user, n)
			}
		}
		for _, user := range nameless[i].unsure {
			a := nodes[i%2].profile(t, "dev", "user_id:"+user, "events")
			if n := bytes.Count(a.body, []byte(`"message_id"`)); a.status != http.StatusNotFound && n != 1 {
				t.Errorf("the event of %s, sent once, is there %d times: %d %s", user, n, a.status, a.body)
			}
		}
	}
	t.Logf("without a messageId: %d answered, %d not", sure, unsure)
	if sure < 20 {
		t.Error("too few messages without a messageId were answered")
	}
	s.verify(t)
	for _, p := range nodes {
		p.stop(t)
	}
}
