package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
	"github.com/selfsame-id/selfsame/test/wire"
)

// crowd is many clients that send large requests over and over, whatever the
// answer, and come back with the same messages until they are taken.
type crowd struct {
	over     atomic.Bool
	all      sync.WaitGroup
	mu       sync.Mutex
	waits    []time.Duration // of requests that were refused
	sent     int64           // bytes
	taken    map[string]bool // users whose event was answered with 200
	untaken  [][]byte        // requests
	problems []string
}

// gather starts n clients. Each request has 50 events of one user.
func gather(t testing.TB, n int, p *server) *crowd {
	c := &crowd{taken: map[string]bool{}}
	padding := `,"event":"Waited","timestamp":"2025-01-01T00:00:00Z","properties":{"padding":"` + strings.Repeat("slow and steady ", 400) + `"}}` // 320 kB a request
	for i := range n {
		conn := p.dial(t)
		c.all.Go(func() {
			var request []byte
			for turn := 0; !c.over.Load(); {
				user := fmt.Sprintf("crowd-%d-%d", i, turn)
				if request == nil {
					var events [][]byte
					for e := range 50 {
						events = append(events, fmt.Appendf(nil, `{"type":"track","userId":"%s","messageId":"%s-%d"%s`, user, user, e, padding))
					}
					request = wire.AppendRequest(nil, "127.0.0.1", "/v1/batch", wire.Basic(keyOf("dev")), batch(events...))
				}
				began := time.Now()
				r, err := conn.Do(request)
				took := time.Since(began)
				c.mu.Lock()
				c.sent += int64(len(request))
				switch {
				case errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE):
					// Refused before all of it was sent, and the answer was lost with the rest.
					_ = conn.Close()
					if conn, err = wire.Dial(p.Addr, patience); err != nil {
						c.problems = append(c.problems, err.Error())
						c.over.Store(true)
					}
				case err != nil:
					c.problems = append(c.problems, err.Error())
					c.over.Store(true)
				case r.Status == http.StatusOK:
					c.taken[user] = true
					request = nil
					turn++
				case r.Status == http.StatusServiceUnavailable || r.Status == http.StatusTooManyRequests:
					c.waits = append(c.waits, took)
				default:
					c.problems = append(c.problems, fmt.Sprintf("%d %.200s", r.Status, r.Body))
				}
				c.mu.Unlock()
				if request != nil {
					time.Sleep(400 * time.Millisecond)
				}
			}
			if request != nil {
				c.mu.Lock()
				c.untaken = append(c.untaken, request)
				c.mu.Unlock()
			}
		})
	}
	return c
}

func (c *crowd) bytesSent() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent
}

// leave ends the clients.
func (c *crowd) leave(t testing.TB) {
	t.Helper()
	c.over.Store(true)
	c.all.Wait()
	for _, what := range c.problems {
		t.Error(what)
	}
}

// The database stands still for seconds, and then answers late. Nodes tell
// clients soon to come again, keep their memory within bounds, say that they are
// alive and not ready, and go on by themselves; nothing is lost or doubled.
func TestSlowDatabase(t *testing.T) {
	t.Parallel()
	db := pgtest.Start(t)
	proxy := pgtest.StartProxy(t, db.Port)
	s := newSite(t, binary(t))
	s.store = pgtest.URL(proxy.Addr)
	s.env = []string{"SELFSAME_MEMORY=128MiB"}
	p := s.start(t)
	p.send(t, "dev", "/v1/track", []byte(`{"userId":"first","event":"x","messageId":"first"}`))
	meanwhile := []byte(`{"userId":"meanwhile","event":"x","messageId":"meanwhile"}`)
	many := gather(t, 250, p)
	time.Sleep(500 * time.Millisecond)

	proxy.Hold()
	stood, before := time.Now(), many.bytesSent()
	time.Sleep(4 * time.Second)
	began := time.Now()
	a := p.post(t, "dev", "/v1/track", meanwhile)
	if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); a.status != http.StatusServiceUnavailable || err != nil || seconds < 1 || !bytes.Contains(a.body, []byte(`"overloaded"`)) {
		t.Errorf("the database stands still: %d %v %s", a.status, a.header, a.body)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("refused only after %v although nothing had been answered for 4 s", took)
	}
	if status := p.says("/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz says %d", status)
	}
	if status := p.says("/healthz"); status != http.StatusOK {
		t.Errorf("/healthz says %d", status)
	}
	time.Sleep(time.Until(stood.Add(7 * time.Second)))
	pushed := many.bytesSent() - before
	proxy.Release()
	released := time.Now()
	eventually(t, patience, "ready again", func() bool { return p.says("/readyz") == http.StatusOK })
	eventually(t, patience, "takes events again", func() bool { return p.post(t, "dev", "/v1/track", meanwhile).status == http.StatusOK })
	t.Logf("takes events %v after the database went on", time.Since(released).Round(time.Millisecond))

	proxy.Delay(200 * time.Millisecond)
	time.Sleep(2 * time.Second)
	proxy.Delay(0)
	many.leave(t)

	// Twice what caches may take, which is how far garbage may grow, the queue, and
	// what 250 requests on their way need. Without a bound it would grow with what
	// is pushed.
	const bound = 2*128<<20 + 64<<20 + 64<<20
	used, err := p.Usage()
	if err != nil {
		t.Fatal(err)
	}
	longest := slices.Max(append(many.waits, 0))
	t.Logf("%d MB pushed while the database stood still; %d events taken, %d requests refused, after %v at most; RSS at most %d MB",
		pushed>>20, 50*len(many.taken), len(many.waits), longest.Round(time.Millisecond), used.Peak>>20)
	if used.Peak > bound {
		t.Errorf("the node had %d MB at most, want less than %d MB", used.Peak>>20, bound>>20)
	}
	if pushed < bound/2 {
		t.Errorf("only %d MB were pushed: the bound is hardly tested", pushed>>20)
	}
	if longest > 8*time.Second {
		t.Errorf("a client was refused only after %v", longest)
	}

	patient(t, many.untaken, []*server{p})
	p.settled(t, "dev")
	p.stop(t)
	total := 2 + 50*(len(many.taken)+len(many.untaken))
	if out := s.mustRun(t, nil, "verify", "--config", s.config, "--space", "dev", "--store", s.store); !strings.Contains(strings.ReplaceAll(out, ",", ""), fmt.Sprintf(" %d events", total)) {
		t.Errorf("%d events were taken, and verify says:\n%s", total, out)
	}
}
