package space_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// mortal is the store of a node that dies: the commit under way is written or
// not, nobody learns which, and nothing comes after it.
type mortal struct {
	kv.Store
	dying, dead atomic.Bool
	written     bool // what becomes of the last commit
}

func (m *mortal) Commit(ctx context.Context, b *kv.Batch) error {
	if m.dead.Load() {
		return kv.ErrUnavailable
	}
	if m.dying.Load() {
		m.dead.Store(true)
		if m.written {
			_ = m.Store.Commit(ctx, b)
		}
		return kv.ErrUnknown
	}
	return m.Store.Commit(ctx, b)
}

func (m *mortal) Snapshot(ctx context.Context) (kv.Reader, error) {
	if m.dead.Load() {
		return nil, kv.ErrUnavailable
	}
	return m.Store.Snapshot(ctx)
}

// node is a space on a store that several have open.
type node struct {
	*space.Space
	store *mortal
}

func (n *node) close(ctx context.Context) {
	n.Close(ctx)
	n.store.Close()
}

// fleet is nodes that come and go.
type fleet struct {
	mu    sync.Mutex
	nodes []*node
}

func (f *fleet) any(rng *rand.Rand, but *node) *node {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		if n := f.nodes[rng.IntN(len(f.nodes))]; n != but {
			return n
		}
	}
}

// deliver sends lines to one node and, if that dies over it, to another one.
func (f *fleet) deliver(t *testing.T, rng *rand.Rand, n *node, lines ...string) {
	for range 10 {
		d := space.Delivery{Source: "src"}
		for _, l := range lines {
			m, err := event.Parse([]byte(l), event.Envelope{ReceivedAt: time.Now().UnixNano()})
			if err != nil {
				t.Error(err)
				return
			}
			d.Messages = append(d.Messages, m)
		}
		if _, err := n.Ingest(context.Background(), d); err == nil {
			return
		}
		n = f.any(rng, n)
	}
	t.Error("no node takes a delivery")
}

// Two nodes at a time meet the same new ID, merge profiles crosswise and get the
// same messages, at the same moment, while nodes come, go and die in the middle of
// commits. What is stored is what the batch function says and what one node says;
// a reader that goes from node to node sees every commit once.
func TestNodesComeGoAndDie(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 29))
			rules := &identity.Rules{Identifiers: []identity.Identifier{{Type: "user_id"}, {Type: "anonymous_id", Limit: 2 + rng.IntN(8), Window: []string{"ever", "weekly"}[seed%2]}}}
			var ahead atomic.Int64
			cfg := space.Config{ID: fmt.Sprint("life", seed), Rules: rules, ReplayBound: []int{1000, 5}[rng.IntN(2)]}
			cfg.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
			var f fleet
			enter := func() {
				store := &mortal{Store: openShared(t, server), written: rng.IntN(2) == 0}
				n := &node{openSpace(t, store, cfg), store}
				f.mu.Lock()
				f.nodes = append(f.nodes, n)
				f.mu.Unlock()
			}
			for range 3 {
				enter()
			}
			var over atomic.Bool
			seen, reading := make(chan map[uint64]uint64, 1), rand.New(rand.NewPCG(seed, 31))
			events := 0
			go func() {
				last, versions, cursor := map[uint64]uint64{}, map[string]uint64{}, ""
				for done := false; !done; {
					done = over.Load() // and then once more
					for {
						recs, next, err := query.New(f.any(reading, nil).Space).Feed(context.Background(), cursor, 1+reading.IntN(7))
						if err != nil || len(recs) == 0 {
							break // a node that died
						}
						for _, r := range recs {
							if r.Seq != last[r.Lane]+1 {
								t.Errorf("the reader saw record %d of lane %d after record %d", r.Seq, r.Lane, last[r.Lane])
							}
							last[r.Lane] = r.Seq
							events += r.Events
							for _, ch := range r.Changes {
								if ch.Version < versions[ch.Profile] {
									t.Errorf("the reader saw version %d of %s (record %d of lane %d: %v) after version %d", ch.Version, ch.Profile, r.Seq, r.Lane, ch.Kind, versions[ch.Profile])
								}
								versions[ch.Profile] = ch.Version
							}
						}
						cursor = next
					}
				}
				seen <- last
			}()

			var lines []string
			line := func(ids string) string {
				at := time.Unix(1_600_000_000+int64(rng.IntN(1000))*3600, 0).UTC().Format(time.RFC3339)
				kind := []string{`"track","event":"X"`, fmt.Sprintf(`"identify","traits":{"n":%d}`, len(lines))}[rng.IntN(2)]
				lines = append(lines, fmt.Sprintf(`{"type":%s,"messageId":"m%d","timestamp":%q,%s}`, kind, len(lines), at, ids))
				return lines[len(lines)-1]
			}
			phone := func(cookie, device any) string {
				return fmt.Sprintf(`"anonymousId":"a%v","context":{"device":{"type":"ios","id":"d%v"}}`, cookie, device)
			}
			died := 0
			for step := range 60 {
				var one, two []string
				p, q := rng.IntN(step+1), rng.IntN(step+1)
				switch step % 3 {
				case 0: // an ID that nobody has seen
					one = []string{line(phone(step, step))}
					two = []string{line(fmt.Sprintf(`"anonymousId":"a%d","userId":"u%d"`, step, p))}
				case 1: // two people who become one from both sides
					one = []string{line(phone(p, q)), line(fmt.Sprintf(`"userId":"u%d","anonymousId":"a%d"`, p, p))}
					two = []string{line(phone(q, p)), line(fmt.Sprintf(`"userId":"u%d","anonymousId":"a%d"`, p, q))}
				case 2: // the same messages: of a person who is known, and others, some of them old
					one = []string{line(`"userId":"u0"`)}
					two = one
					if rng.IntN(2) == 0 {
						one = append([]string{line(phone(p, step)), lines[rng.IntN(len(lines))]}, two...)
						two = []string{one[2], one[1], line(fmt.Sprintf(`"userId":"u%d"`, q)), one[0]}
					}
				}
				a := f.any(rng, nil)
				b := f.any(rng, a)
				dies := rng.IntN(8) == 0
				if dies {
					a.store.dying.Store(true)
				}
				var both sync.WaitGroup
				start := make(chan struct{})
				for i, n := range []*node{a, b} {
					its, mine := rand.New(rand.NewPCG(seed, uint64(step*2+i))), [][]string{one, two}[i]
					both.Go(func() {
						<-start
						f.deliver(t, its, n, mine...)
					})
				}
				close(start)
				leaves := dies || rng.IntN(12) == 0
				if leaves {
					if dies {
						died++
						for !a.store.dead.Load() { // its job may have been faster than its events
							time.Sleep(time.Millisecond)
						}
					} else {
						both.Wait()
					}
					f.mu.Lock()
					for i, n := range f.nodes {
						if n == a {
							f.nodes = append(f.nodes[:i:i], f.nodes[i+1:]...)
							break
						}
					}
					f.mu.Unlock()
					ctx, cancel := context.WithCancel(context.Background())
					if dies {
						cancel()
					}
					a.close(ctx)
					cancel()
					enter()
				}
				both.Wait()
			}
			over.Store(true)
			lanes := <-seen
			ahead.Store(int64(time.Minute)) // nobody has to wait for the leases of the dead
			rep := verify(t, f.nodes[0].Space)
			if int(rep.Events) != len(lines) || events != len(lines) {
				t.Errorf("%d events are stored and the feed told of %d, want %d", rep.Events, events, len(lines))
			}
			t.Logf("%d nodes died, %d lanes", died, len(lanes))
			one := newSpace(t, space.Config{ID: cfg.ID, Rules: rules})
			ingest(t, one, lines...)
			verify(t, one)
			if got, want := rep, one.Stats(); got.Strands != want.Strands || got.Profiles != want.Profiles {
				t.Errorf("many nodes: %d strands in %d profiles; one node: %d in %d", got.Strands, got.Profiles, want.Strands, want.Profiles)
			}
			for p := range 60 {
				for _, ref := range []space.Ref{user("user_id", fmt.Sprint("u", p)), user("anonymous_id", fmt.Sprint("a", p))} {
					if got, want := summary(t, f.nodes[1].Space, ref), summary(t, one, ref); got != want {
						t.Errorf("%s:%s on many nodes:\n%s\non one:\n%s", ref.Type, ref.Value, got, want)
					}
				}
			}
			for _, n := range f.nodes {
				n.close(context.Background())
			}
		})
	}
}
