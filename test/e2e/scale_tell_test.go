package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
	"github.com/selfsame-id/selfsame/test/wire"
)

// Two nodes on one database take events in turn, and each of them is killed once while
// destinations are told. What works under leases, the evaluator, its timers and the
// destinations, goes on at the other one: all is told, nobody is mailed twice, webhooks come
// again only with their IDs, and what time alone changes is told once.
func TestNodesTellOnce(t *testing.T) {
	t.Parallel()
	const people = 48
	db := pgtest.Start(t)
	mails, shop := newPostOffice(t, 8*time.Millisecond), newHook(t, 4*time.Millisecond)
	s := newTellingSite(t, binary(t), "dev")
	s.store = db.URL()
	nodes := []*server{s.start(t), s.start(t)}
	document := segkicksTo(t, mails, shop)
	from, to := strings.Index(document, "\n  log:\n"), strings.Index(document, "\n  shop:\n")
	document = document[:from] + document[to:] // nodes have no directory in common
	document = strings.Replace(document, "\naudiences:\n", "\naudiences:\n  here:\n    when: within_last(time(traits.arrives), \"1000d\")\n", 1)
	nodes[0].administer(t, http.MethodPut, "/api/spaces/dev/definitions", document, nil)
	nodes[0].quietly(t, "dev", "mails", "shop")
	eventually(t, patience, "the other node knows the destinations", func() bool {
		return nodes[1].raw(t, http.MethodGet, "/api/spaces/dev/destinations/mails", "", "Authorization", "Bearer "+adminToken).status == http.StatusOK
	})

	post := func(p *server, events ...[]byte) error {
		c, err := wire.Dial(p.Addr, patience)
		if err != nil {
			return err
		}
		defer c.Close()
		r, err := c.Deliver(wire.AppendRequest(nil, "127.0.0.1", "/v1/batch", wire.Basic(keyOf("dev")), batch(events...)))
		if err == nil && r.Status != http.StatusOK {
			t.Fatalf("status %d: %.300s", r.Status, r.Body)
		}
		return err
	}
	progress := func() (n int) {
		for _, times := range mails.taken() {
			n += times
		}
		return n + len(shop.received())
	}
	here := func() (said []string) { // of whoever arrives meanwhile, each webhook once
		known := map[string]bool{}
		for _, m := range shop.received() {
			if m.about() == "user_id:visitor1 here" && !known[m.ID] {
				known[m.ID] = true
				said = append(said, m.says())
			}
		}
		return said
	}
	arrives := time.Now().Add(15 * time.Second).UTC().Format(time.RFC3339Nano)
	if err := post(nodes[0], fmt.Appendf(nil, `{"type":"identify","messageId":"came-1","userId":"visitor1","traits":{"arrives":%q}}`, arrives)); err != nil {
		t.Fatal(err)
	}

	first := rand.IntN(2)
	for kill := range 2 {
		dies, stays := (first+kill)%2, (first+kill+1)%2
		was := progress()
		for i := kill * people / 2; i < (kill+1)*people/2; i += 4 {
			for n := i; n < i+4; n++ {
				if err := post(nodes[n%2], runner(n)); err != nil {
					t.Fatal(err)
				}
			}
		}
		// Somewhere in the middle.
		eventually(t, patience, "destinations are told", func() bool { return progress() > was+people/4 })
		nodes[dies].Kill()
		nodes[stays].quietly(t, "dev", "mails", "shop")
		nodes[dies] = s.start(t)
	}
	eventually(t, patience, "the shop is told who is here", func() bool { return len(here()) > 0 })
	nodes[0].quietly(t, "dev", "mails", "shop")
	if said := here(); len(said) != 1 || said[0] != "true" {
		t.Errorf("of who is here the shop was told %q", said)
	}
	unknown, again := toldOnce(t, nodes[0], mails, shop, people)
	t.Logf("%d mails unknown, %d webhooks came again", unknown, again)
	for _, p := range nodes {
		p.stop(t)
	}
}
