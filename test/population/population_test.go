package population_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/test/population"
)

// census is what one finds in a stream.
type census struct {
	events, bytes   int
	messageIDs      map[string]int
	strands         map[string]int
	kinds           map[event.Type]int
	idTypes         map[string]int
	profiles        int // connected sets of IDs, without any limits
	outOfOrder      int
	first, last     int64
	largestStrand   int
	accountsStrands int
}

func count(t *testing.T, stream []byte) census {
	t.Helper()
	rules, err := identity.Compile(identity.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	c := census{messageIDs: map[string]int{}, strands: map[string]int{}, kinds: map[event.Type]int{}, idTypes: map[string]int{}}
	parent := map[string]string{}
	var root func(string) string
	root = func(id string) string {
		p, ok := parent[id]
		if !ok || p == id {
			parent[id] = id
			return id
		}
		r := root(p)
		parent[id] = r
		return r
	}
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	for line := range bytes.Lines(stream) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		if !json.Valid(line) {
			t.Fatalf("not JSON: %s", line)
		}
		m, err := event.Parse(line, event.Envelope{ReceivedAt: now})
		if err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		c.events++
		c.bytes += len(line)
		c.messageIDs[m.MessageID]++
		c.kinds[m.Type]++
		if m.Time < c.last {
			c.outOfOrder++
		}
		c.last = max(c.last, m.Time)
		if c.first == 0 {
			c.first = m.Time
		}
		p := rules.Promote(&m, "shop")
		if len(p.Accounts) > 0 {
			c.accountsStrands++
		}
		var key []string
		before := ""
		for _, id := range p.Users {
			key = append(key, id.Type+":"+id.Value)
			if rules.Blocked(id) {
				continue
			}
			c.idTypes[id.Type]++
			if r := root(key[len(key)-1]); before == "" {
				before = r
			} else {
				parent[r] = root(before)
			}
		}
		c.strands[strings.Join(key, " ")]++
	}
	for id := range parent {
		if root(id) == id {
			c.profiles++
		}
	}
	for _, n := range c.strands {
		c.largestStrand = max(c.largestStrand, n)
	}
	return c
}

func TestPopulationIsRealistic(t *testing.T) {
	cfg := population.Config{Seed: 1, People: 5000}
	stream := cfg.NDJSON()
	c := count(t, stream)
	perStrand := float64(c.events) / float64(len(c.strands))
	size := float64(c.bytes) / float64(c.events)
	t.Logf("%d events, %.0f bytes each, %.2f events a strand, %.2f events a person, %.2f sets of linked IDs a person, calls %v, IDs %v, %.1f days",
		c.events, size, perStrand, float64(c.events)/5000, float64(c.profiles)/5000, c.kinds, c.idTypes, float64(c.last-c.first)/float64(24*time.Hour))
	if perStrand < 2.4 || perStrand > 2.8 {
		t.Errorf("%.2f events a strand, 2.6 wanted", perStrand)
	}
	if size < 780 || size > 860 {
		t.Errorf("%.0f bytes an event, 820 wanted", size)
	}
	if len(c.messageIDs) != c.events {
		t.Errorf("%d message IDs for %d events", len(c.messageIDs), c.events)
	}
	if c.outOfOrder != 0 {
		t.Errorf("%d events are late though none should be", c.outOfOrder)
	}
	for _, call := range []event.Type{event.Identify, event.Track, event.Page, event.Screen, event.Group} {
		if c.kinds[call] == 0 {
			t.Errorf("no %v", call)
		}
	}
	for _, typ := range []string{"user_id", "email", "anonymous_id", "ga_client_id", "ios.id", "android.id", "ios.idfa", "android.push_token", "loyalty_id"} {
		if c.idTypes[typ] == 0 {
			t.Errorf("no %s", typ)
		}
	}
}

func TestPopulationIsAFunctionOfItsConfig(t *testing.T) {
	cfg := population.Config{Seed: 7, People: 300, Kiosks: 2, Late: 0.05, Repeats: 0.02}
	if !bytes.Equal(cfg.NDJSON(), cfg.NDJSON()) {
		t.Error("the same config gave other bytes")
	}
	other := cfg
	other.Seed++
	if bytes.Equal(cfg.NDJSON(), other.NDJSON()) {
		t.Error("another seed gave the same bytes")
	}
	cut := cfg
	cut.Events = 100
	if !bytes.HasPrefix(cfg.NDJSON(), cut.NDJSON()) {
		t.Error("fewer events are not the first of all events")
	}
}

func TestLateAndRepeatedEvents(t *testing.T) {
	plain := population.Config{Seed: 3, People: 1000}
	cfg := plain
	cfg.Late, cfg.Repeats = 0.10, 0.05
	a, b := count(t, plain.NDJSON()), count(t, cfg.NDJSON())
	if b.outOfOrder == 0 || len(b.messageIDs) == b.events {
		t.Errorf("%d of %d events out of order, %d message IDs", b.outOfOrder, b.events, len(b.messageIDs))
	}
	if len(b.messageIDs) < a.events*9/10 {
		t.Errorf("%d distinct events, %d without lateness", len(b.messageIDs), a.events)
	}
}

func TestKiosksAreTouchedByMany(t *testing.T) {
	cfg := population.Config{Seed: 4, People: 3000, Kiosks: 1, Kiosk: 0.3}
	users := map[string]bool{}
	kiosk := map[string]int{}
	for line := range bytes.Lines(cfg.NDJSON()) {
		var m struct {
			UserID  string
			Context struct{ Device struct{ ID string } }
		}
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		if m.UserID != "" && m.Context.Device.ID != "" && !users[m.UserID+m.Context.Device.ID] {
			users[m.UserID+m.Context.Device.ID] = true
			kiosk[m.Context.Device.ID]++
		}
	}
	most := 0
	for _, n := range kiosk {
		most = max(most, n)
	}
	if most < 300 {
		t.Errorf("the busiest device has %d users", most)
	}
}

// Those who come back after their life in the shop send new events under IDs
// that are known already.
func TestPeopleComeBack(t *testing.T) {
	cfg := population.Config{Seed: 5, People: 2000, Active: 64}
	c := count(t, cfg.NDJSON())
	if len(c.messageIDs) != c.events {
		t.Errorf("%d message IDs for %d events", len(c.messageIDs), c.events)
	}
	none := cfg
	none.Return = -1
	d := count(t, none.NDJSON())
	if c.events <= d.events || float64(c.profiles) > 1.05*float64(d.profiles) {
		t.Errorf("%d events and %d profiles, without returns %d and %d", c.events, c.profiles, d.events, d.profiles)
	}
}

func TestKeysAreSentByTheirPeople(t *testing.T) {
	cfg := population.Config{Seed: 6, People: 500}
	stream := string(cfg.NDJSON())
	for i := range cfg.People {
		if k := cfg.Key(i); !strings.Contains(stream, `"`+k.Value+`"`) {
			t.Errorf("person %d never sent %v", i, k)
		}
	}
	if slices.Equal([]byte(cfg.Key(1).Value), []byte(cfg.Key(2).Value)) {
		t.Error("two people have one key")
	}
}

func BenchmarkStream(b *testing.B) {
	s := population.Config{Seed: 1, Active: 65536}.Stream()
	n := 0
	for b.Loop() {
		n += len(s.Next())
	}
	b.SetBytes(int64(n / b.N))
}
