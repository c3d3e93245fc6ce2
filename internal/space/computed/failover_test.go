package computed_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/computed"
)

// shared is a store in memory that several nodes have open.
type shared struct{ kv.Store }

func (shared) Exclusive() bool { return false }
func (shared) Close() error    { return nil }

// A node that had the lease, and gets it back after another one evaluated, goes on from
// what that one stored.
func TestALeaseThatComesBack(t *testing.T) {
	defer computed.MemosFrom(1, 2)()
	store := kvtest.NewMemory().Open()
	var nodes [2]*house
	var leases [2]*lease.Lease
	for i := range nodes {
		nodes[i] = open(t, shared{store}, space.Config{})
		leases[i] = nodes[i].Lease()
	}
	nodes[0].apply(t, `
traits:
  views: {event: Viewed, kind: count}
audiences:
  viewers: {when: traits.views >= 4}
`)
	n := 0
	view := func(user string, times int) {
		t.Helper()
		for range times {
			n++
			nodes[0].ingest(t, fmt.Sprintf(`{"type":"track","event":"Viewed","messageId":"m%d","userId":%q,"timestamp":%q}`, n, user, nodes[0].now.UTC().Format(time.RFC3339)))
		}
	}
	evaluate := func(i int) {
		t.Helper()
		for _, h := range nodes {
			h.set(h.now.Add(2 * lease.Duration)) // that of the other node is over
		}
		for more := true; more; {
			var err error
			if more, err = nodes[i].StepUnder(t.Context(), leases[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	view("ada", 3)
	evaluate(0)
	view("ada", 2)
	view("ben", 4)
	evaluate(1)
	view("ada", 1)
	evaluate(0)
	wrong, err := nodes[0].Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range wrong {
		t.Error(s)
	}
	page, err := nodes[0].AudienceMembers(t.Context(), "viewers", 10, "")
	if err != nil || page.Status.Members != 2 {
		t.Errorf("%d members, %v", page.Status.Members, err)
	}
}
