package e2e

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
	"github.com/selfsame-id/selfsame/test/population"
	"github.com/selfsame-id/selfsame/test/wire"
)

// newShared makes a site on a private PostgreSQL server, on which several
// servers may work at once.
func newShared(t testing.TB, binary string) (*site, *pgtest.Server) {
	t.Helper()
	db := pgtest.Start(t)
	s := newSite(t, binary)
	s.store = db.URL()
	return s, db
}

// rested waits until every node has looked, after this call, what is in the
// store, and found nothing pending.
func rested(t testing.TB, nodes ...*server) {
	t.Helper()
	called := time.Now()
	for i, p := range nodes {
		eventually(t, patience, "nothing is pending on node "+strconv.Itoa(i+1), func() bool {
			s := p.stats(t, "dev")
			return s.Pending == 0 && s.CountedAt.After(called)
		})
	}
}

// patient sends requests over several connections to nodes in turn, each again while
// a node cannot take it.
func patient(t testing.TB, requests [][]byte, nodes []*server) {
	t.Helper()
	var next atomic.Int64
	var all sync.WaitGroup
	var failed atomic.Value
	for h := range 8 {
		c := nodes[h%len(nodes)].dial(t)
		all.Go(func() {
			for failed.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(requests) {
					return
				}
				if r, err := c.Deliver(requests[i]); err != nil || r.Status != 200 {
					failed.Store([]any{err, r})
					return
				}
			}
		})
	}
	all.Wait()
	if what := failed.Load(); what != nil {
		t.Fatalf("a request was refused: %+v", what)
	}
}

// Two nodes take events of the same people at the same time, some of them both:
// the same people, traits and counts as one node gives.
func TestTwoNodesOneTruth(t *testing.T) {
	t.Parallel()
	cfg := population.Config{Seed: 31, People: 400, Events: 4000, Kiosks: 2, Late: 0.05, Repeats: 0.01}
	text := cfg.NDJSON()
	events := parsed(t, linesOf(text))
	ids := distinctIDs(events)

	alone := newSite(t, watched(t))
	file := filepath.Join(t.TempDir(), "population.ndjson")
	writeFile(t, file, text)
	alone.mustRun(t, nil, "import", "--config", alone.config, "--data", alone.data, "--space", "dev", file)
	one := alone.start(t)
	one.settled(t, "dev")
	want := one.portraits(t, "dev", ids)
	wantStats := one.stats(t, "dev")
	one.stop(t)

	s, _ := newShared(t, watched(t))
	nodes := []*server{s.start(t), s.start(t)}
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 3))
	lines := linesOf(text)
	for range len(lines) / 10 {
		lines = append(lines, lines[random.IntN(len(lines))]) // repeats, to either node
	}
	random.Shuffle(len(lines), func(a, b int) { lines[a], lines[b] = lines[b], lines[a] })
	var requests [][]byte
	for len(lines) > 0 {
		n := min(1+random.IntN(40), len(lines))
		r := wire.AppendRequest(nil, "127.0.0.1", "/v1/batch", wire.Basic(keyOf("dev")), batch(lines[:n]...))
		requests = append(requests, r)
		if random.IntN(10) == 0 {
			requests = append(requests, r) // to both nodes at the same time
		}
		lines = lines[n:]
	}
	began := time.Now()
	patient(t, requests, nodes)
	t.Logf("%d requests in %v", len(requests), time.Since(began))
	rested(t, nodes...)
	for i, p := range nodes {
		got := p.portraits(t, "dev", ids)
		samePortraits(t, "node "+strconv.Itoa(i+1), got, want)
		stats := p.stats(t, "dev")
		if stats.Profiles != wantStats.Profiles || stats.Strands != wantStats.Strands {
			t.Errorf("node %d counts %d profiles and %d strands; one node alone %d and %d", i+1, stats.Profiles, stats.Strands, wantStats.Profiles, wantStats.Strands)
		}
	}
	accounted(t, nodes[0], events, nil)
	sameAnswers(t, nodes, wantStats.Profiles)
	s.verify(t) // beside the running nodes
	for _, p := range nodes {
		p.stop(t)
	}
	s.verify(t)
}

// sameAnswers compares what nodes export, and whom they find.
func sameAnswers(t testing.TB, nodes []*server, profiles int64) {
	t.Helper()
	rows := int64(0)
	for _, what := range []string{"profiles", "profiles?collection=accounts", "identifiers", "events?format=csv"} {
		var want []byte
		for i, p := range nodes {
			a := p.ask(t, http.MethodGet, "/api/spaces/dev/export/"+what, nil)
			if a.status != http.StatusOK || len(a.body) == 0 {
				t.Fatalf("node %d exports %s: status %d, %.500s", i+1, what, a.status, a.body)
			}
			if i == 0 {
				want = a.body
			} else if !bytes.Equal(a.body, want) {
				t.Errorf("node %d exports other %s: %d bytes, node 1 %d", i+1, what, len(a.body), len(want))
			}
		}
		if strings.HasPrefix(what, "profiles") {
			rows += int64(bytes.Count(want, []byte("\n")))
		}
	}
	if rows != profiles {
		t.Errorf("%d profiles are exported, of %d", rows, profiles)
	}
	var want []string
	for i, p := range nodes {
		found := p.find(t, "dev", "email:*")
		got := found.ids()
		if len(got) == 0 || i > 0 && !slices.Equal(got, want) {
			t.Errorf("node %d finds %d profiles, others than node 1, which finds %d", i+1, len(got), len(want))
		}
		want = got
	}
}

func samePortraits(t testing.TB, who string, got, want []portrait) {
	t.Helper()
	traits := map[string]string{}
	for _, p := range want {
		traits[p.ids] = p.traits
	}
	var gotIDs, wantIDs []string
	for _, p := range got {
		gotIDs = append(gotIDs, p.ids)
		if w, ok := traits[p.ids]; ok && w != p.traits {
			t.Errorf("%s: traits of %s:\n got %s\nwant %s", who, p.ids, p.traits, w)
		}
	}
	for _, p := range want {
		wantIDs = append(wantIDs, p.ids)
	}
	equal(t, who+": profiles", gotIDs, wantIDs)
}

// accounted looks for every event: those that were answered with 200 are there,
// nothing is there twice, and nothing that was never sent.
func accounted(t testing.TB, p *server, sure, unsure []sent) {
	t.Helper()
	counts := p.stored(t, "dev", p.profilesOf(t, "dev", distinctIDs(append(append([]sent(nil), sure...), unsure...))))
	known := map[string]bool{}
	lost, twice := 0, 0
	for i := range sure {
		// An event with nothing but placeholders for IDs is nobody's.
		if e := &sure[i]; !known[e.messageID] && len(e.ids) > 0 && counts[e.messageID] == 0 {
			if lost++; lost <= 5 {
				t.Errorf("%s was answered with 200 and is not there: %s", e.messageID, e.line)
			}
		}
		known[sure[i].messageID] = true
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
}

// follower reads the feed of a space over whichever node answers, and keeps what
// it saw.
type follower struct {
	cursor string
	seen   map[string]int
	order  []string
}

// read reads what is new. It reports whether the node answered.
func (f *follower) read(t testing.TB, p *server) bool {
	for {
		req, err := http.NewRequest(http.MethodGet, p.URL("/api/spaces/dev/feed?limit=100&cursor="+url.QueryEscape(f.cursor)), nil)
		if err != nil {
			t.Error(err)
			return false
		}
		req.Header.Set("Authorization", "Bearer "+adminToken)
		resp, err := client.Do(req)
		if err != nil {
			return false
		}
		var page struct {
			Data   []record
			Cursor struct {
				HasMore bool `json:"has_more"`
				Next    string
			}
		}
		err = json.NewDecoder(resp.Body).Decode(&page)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			return false
		}
		for _, r := range page.Data {
			f.seen[r.Lane+"/"+strconv.FormatUint(r.Seq, 10)]++
		}
		f.cursor = page.Cursor.Next
		if !page.Cursor.HasMore {
			return true
		}
	}
}

// shoppers are senders who share one population.
func shoppers(n int, seed uint64) []*sender {
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), seed))
	stream := population.Config{Seed: seed, Active: 200, Kiosks: 2, Late: 0.05, Careless: -1}.Stream()
	var mu sync.Mutex
	out := make([]*sender, n)
	for i := range out {
		r := rand.New(rand.NewPCG(random.Uint64(), uint64(i)))
		out[i] = &sender{random: r, stream: func() (events [][]byte) {
			mu.Lock()
			defer mu.Unlock()
			for range 1 + r.IntN(10) {
				events = append(events, append([]byte(nil), stream.Next()...))
			}
			return events
		}}
	}
	return out
}

// taken is what became of everything that senders sent.
func taken(t testing.TB, senders []*sender) (sure, unsure []sent) {
	t.Helper()
	for _, sn := range senders {
		if sn.wrong != nil {
			t.Fatal(sn.wrong)
		}
		sure = append(sure, parsed(t, sn.acked)...)
		unsure = append(append(unsure, parsed(t, sn.dropped)...), parsed(t, sn.pending)...)
	}
	return sure, unsure
}

// A node dies under load, again and again; its clients go to the other one and
// send what was not answered there. Nothing is lost, nothing counts twice, and
// who reads the feed sees each change once.
func TestNodeKilledUnderLoad(t *testing.T) {
	t.Parallel()
	s, _ := newShared(t, watched(t))
	steady := s.start(t)
	senders := shoppers(8, 41)
	f := &follower{seen: map[string]int{}}
	var over atomic.Bool
	var reading sync.WaitGroup
	var dying atomic.Pointer[server]
	reading.Go(func() {
		for turn := 0; !over.Load(); turn++ {
			p := steady
			if d := dying.Load(); d != nil && turn%2 == 0 {
				p = d
			}
			f.read(t, p)
			time.Sleep(5 * time.Millisecond)
		}
	})
	kills := 4
	for range kills {
		before := answeredSoFar(senders)
		p := s.start(t)
		dying.Store(p)
		var stop atomic.Bool
		var all sync.WaitGroup
		for i, sn := range senders {
			all.Go(func() {
				if i%2 == 0 {
					sn.work(p.Addr, &stop)
				}
				sn.work(steady.Addr, &stop)
			})
		}
		awaitAnswers(t, senders, before+100+rand.Int64N(300))
		p.Kill()
		time.Sleep(200 * time.Millisecond)
		stop.Store(true)
		all.Wait()
	}
	sure, unsure := taken(t, senders)
	t.Logf("%d kills: %d events answered, %d never", kills, len(sure), len(unsure))
	if len(sure) < 100*kills {
		t.Errorf("only %d events were answered: the nodes are hardly tested", len(sure))
	}
	rested(t, steady)
	over.Store(true)
	reading.Wait()
	if !f.read(t, steady) {
		t.Error("the feed cannot be read")
	}
	for id, n := range f.seen {
		if n != 1 {
			t.Errorf("the reader saw record %s %d times", id, n)
		}
	}
	again := &follower{seen: map[string]int{}}
	again.read(t, steady)
	for id := range again.seen {
		if f.seen[id] == 0 {
			t.Errorf("the reader never saw record %s", id)
		}
	}
	if len(again.seen) < 10 {
		t.Errorf("only %d records in the feed", len(again.seen))
	}
	accounted(t, steady, sure, unsure)
	steady.stop(t)
	s.verify(t)
}

// The database dies under load and comes back: meanwhile nodes say 503 and when
// to come again, and nothing that was acknowledged is lost.
func TestDatabaseKilledUnderLoad(t *testing.T) {
	t.Parallel()
	s, db := newShared(t, watched(t))
	nodes := []*server{s.start(t), s.start(t)}
	senders := shoppers(8, 51)
	var stop atomic.Bool
	var all sync.WaitGroup
	for i, sn := range senders {
		all.Go(func() {
			for !stop.Load() && sn.wrong == nil {
				sn.work(nodes[i%2].Addr, &stop)
			}
		})
	}
	const kills = 2
	for range kills {
		awaitAnswers(t, senders, answeredSoFar(senders)+100+rand.Int64N(200))
		db.Kill()
		eventually(t, patience, "503 without a database", func() bool {
			a := nodes[0].post(t, "dev", "/v1/track", []byte(`{"userId":"nobody-yet","event":"x","messageId":"away"}`))
			if a.status == http.StatusOK {
				t.Error("an event was answered with 200 while the database was away")
			}
			if a.status == http.StatusServiceUnavailable && a.header.Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
			return a.status == http.StatusServiceUnavailable
		})
		eventually(t, patience, "/readyz says 503 without a database", func() bool {
			return nodes[1].says("/readyz") == http.StatusServiceUnavailable
		})
		db.Start()
		for _, p := range nodes {
			eventually(t, patience, "ready again", func() bool {
				resp, err := client.Get(p.URL("/readyz"))
				if err != nil {
					return false
				}
				_ = resp.Body.Close()
				return resp.StatusCode == http.StatusOK
			})
			eventually(t, patience, "takes events again", func() bool {
				return p.post(t, "dev", "/v1/track", []byte(`{"userId":"back","event":"x","messageId":"back"}`)).status == http.StatusOK
			})
		}
	}
	time.Sleep(500 * time.Millisecond)
	stop.Store(true)
	all.Wait()
	sure, unsure := taken(t, senders)
	t.Logf("%d kills: %d events answered, %d never", kills, len(sure), len(unsure))
	if len(sure) < 200 {
		t.Errorf("only %d events were answered: the nodes are hardly tested", len(sure))
	}
	rested(t, nodes...)
	accounted(t, nodes[1], sure, unsure)
	for _, p := range nodes {
		p.stop(t)
		if strings.Contains(p.Log(), "password") {
			t.Error("the log names a password")
		}
	}
	s.verify(t)
}
