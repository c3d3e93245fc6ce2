package query_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/counts"
	"github.com/selfsame-id/selfsame/internal/space/query"
	"github.com/selfsame-id/selfsame/internal/space/rejects"
)

// wholeFeed is every record of a space, oldest first.
func wholeFeed(t testing.TB, s *space.Space) []feed.Record {
	t.Helper()
	var all []feed.Record
	for cursor := ""; ; {
		recs, next, err := query.New(s).Feed(t.Context(), cursor, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(recs) == 0 {
			return all
		}
		all, cursor = append(all, recs...), next
	}
}

// naiveInsights is what a query asks for, by the whole feed.
func naiveInsights(t testing.TB, s *space.Space, q query.InsightQuery) []query.Insight {
	t.Helper()
	names := map[string]bool{}
	if q.Profile != nil {
		v, err := query.New(s).Profile(t.Context(), *q.Profile)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range append(v.Merged, v.ID) {
			names[id] = true
		}
	}
	recs := wholeFeed(t, s)
	slices.SortFunc(recs, func(a, b feed.Record) int {
		if a.Place().Before(b.Place()) {
			return 1
		}
		return -1
	})
	var out []query.Insight
	for _, r := range recs {
		for _, c := range slices.Backward(r.Changes) {
			said := c.IDType == q.IDType && (q.IDValue == "" || c.IDValue == q.IDValue)
			if c.Kind == feed.Unresolved && c.Value != nil {
				var ids []string
				if err := json.Unmarshal(c.Value, &ids); err != nil {
					t.Fatal(err)
				}
				for _, id := range ids {
					said = said || id == q.IDType+":"+q.IDValue || q.IDValue == "" && strings.HasPrefix(id, q.IDType+":")
				}
			}
			switch {
			case c.Kind == feed.TraitSet, c.Kind == feed.TraitRemoved,
				len(q.Kinds) > 0 && !slices.Contains(q.Kinds, c.Kind),
				q.IDType != "" && !said,
				q.Reason != "" && c.Reason != q.Reason && !strings.HasPrefix(c.Reason, q.Reason+": "),
				q.Source != "" && c.Source != q.Source,
				q.Since.Set && r.Time < q.Since.At,
				q.Until.Set && r.Time >= q.Until.At,
				q.Profile != nil && !names[c.Profile] && !names[c.From]:
				continue
			}
			out = append(out, query.Insight{Change: c, At: r.Time})
		}
	}
	return out
}

// paged is what a query asks for, page by page.
func paged(t testing.TB, s *space.Space, q query.InsightQuery, records, changes int) []query.Insight {
	t.Helper()
	var out []query.Insight
	for {
		p, err := query.New(s).InsightsWithin(t.Context(), q, records, changes)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Insights) > q.Limit {
			t.Fatalf("%d on a page of %d", len(p.Insights), q.Limit)
		}
		out = append(out, p.Insights...)
		if q.Next = p.Next; q.Next == "" {
			return out
		}
	}
}

// recount counts what Tallies should say, by the whole feed.
func recount(recs []feed.Record, step int64) map[int64]counts.Hourly {
	out := map[int64]counts.Hourly{}
	for _, r := range recs {
		at := r.Time - r.Time%step
		t := out[at]
		t.Events += int64(r.Events)
		for _, c := range r.Changes {
			switch c.Kind {
			case feed.ProfileCreated:
				t.Created++
			case feed.Merged:
				t.Merged++
			case feed.Unmerged:
				t.Unmerged++
			case feed.Unresolved:
				t.Unresolved++
			case feed.Demoted:
				t.Demoted++
				if t.ByReason == nil {
					t.ByReason = map[string]int64{}
				}
				t.ByReason[c.Reason]++
			}
		}
		out[at] = t
	}
	return out
}

func checkTallies(t testing.TB, s *space.Space, since, until int64, rejected int64) {
	t.Helper()
	recs := wholeFeed(t, s)
	for _, daily := range []bool{false, true} {
		step := int64(time.Hour)
		if daily {
			step *= 24
		}
		want := recount(recs, step)
		got, err := query.New(s).Counts(t.Context(), query.CountsQuery{Since: since, Until: until, Daily: daily})
		if err != nil {
			t.Fatal(err)
		}
		var refused int64
		for i, a := range got {
			if i > 0 && a.At != got[i-1].At+step {
				t.Errorf("after %d comes %d", got[i-1].At, a.At)
			}
			refused += a.Rejected
			a.Rejected = 0
			if !reflect.DeepEqual(a.Hourly, want[a.At]) {
				t.Errorf("daily %v, %s:\n got %+v\nwant %+v", daily, time.Unix(0, a.At).UTC(), a.Hourly, want[a.At])
			}
			delete(want, a.At)
		}
		if len(want) > 0 {
			t.Errorf("daily %v: nothing of %v", daily, want)
		}
		if refused != rejected {
			t.Errorf("daily %v: %d refused, want %d", daily, refused, rejected)
		}
	}
}

func limits(rng *rand.Rand) *identity.Rules {
	rules := &identity.Rules{}
	windows := []string{"ever", "daily", "weekly"}
	for _, ty := range []string{"email", "anonymous_id", "ios.id"} {
		rules.Identifiers = append(rules.Identifiers, identity.Identifier{Type: ty, Limit: 1 + rng.IntN(4), Window: windows[rng.IntN(3)]})
	}
	return rules
}

// fillWorld sends a world's events with the given sources, and some that are of
// nobody. name is in their messageIds: two worlds of one space have different names.
func fillWorld(t testing.TB, s *space.Space, rng *rand.Rand, name string, events int, tick func()) {
	t.Helper()
	lines := world(rng, events, 3+rng.IntN(30))
	for i := range lines {
		if rng.IntN(8) == 0 {
			lines[i] = fmt.Sprintf(`{"type":"track","event":"x","messageId":"m%d of nobody","userId":"null","anonymousId":%q}`, i, []string{"0000", "undefined"}[rng.IntN(2)])
		}
		lines[i] = strings.Replace(lines[i], `"messageId":"`, `"messageId":"`+name+" ", 1)
	}
	for len(lines) > 0 {
		k := min(1+rng.IntN(20), len(lines))
		d := space.Delivery{Source: []string{"web", "app"}[rng.IntN(2)]}
		for _, l := range lines[:k] {
			d.Messages = append(d.Messages, parse(t, l))
		}
		if _, err := s.Ingest(context.Background(), d); err != nil {
			t.Fatal(err)
		}
		lines = lines[k:]
		tick()
	}
}

func checkInsights(t *testing.T, s *space.Space, from, to int64) {
	kinds := append([]feed.Kind{}, query.InsightKinds...)
	var people []string
	for _, r := range wholeFeed(t, s) {
		for _, c := range r.Changes {
			if c.Profile != "" {
				people = append(people, c.Profile)
			}
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		q := query.InsightQuery{Limit: rapid.SampledFrom([]int{1, 3, 50, 1000}).Draw(rt, "limit")}
		if rapid.Bool().Draw(rt, "by kind") {
			q.Kinds = rapid.SliceOfN(rapid.SampledFrom(kinds), 1, 3).Draw(rt, "kinds")
		}
		switch rapid.IntRange(0, 3).Draw(rt, "by id") {
		case 0:
			q.IDType = rapid.SampledFrom([]string{"email", "anonymous_id", "user_id"}).Draw(rt, "type")
		case 1:
			q.IDType, q.IDValue = "anonymous_id", rapid.SampledFrom([]string{"kiosk", "undefined", "0000"}).Draw(rt, "value")
		}
		q.Source = rapid.SampledFrom([]string{"", "", "web", "app", "none"}).Draw(rt, "source")
		q.Reason = rapid.SampledFrom([]string{"", "", "ID value blocked", "identifier limit exceeded", "identifier limit exceeded: anonymous_id", "ID value"}).Draw(rt, "reason")
		if rapid.Bool().Draw(rt, "since") {
			q.Since = query.BoundAt(rapid.Int64Range(from, to).Draw(rt, "since at"))
		}
		if rapid.Bool().Draw(rt, "until") {
			q.Until = query.BoundAt(rapid.Int64Range(from, to).Draw(rt, "until at"))
		}
		if len(people) > 0 && rapid.IntRange(0, 2).Draw(rt, "by profile") == 0 {
			q.Profile = &space.Ref{Collection: identity.Users, Value: rapid.SampledFrom(people).Draw(rt, "profile")}
			if strings.HasPrefix(q.Profile.Value, "acc_") {
				q.Profile.Collection = identity.Accounts
			}
		}
		got := paged(t, s, q, rapid.IntRange(1, 40).Draw(rt, "records"), rapid.IntRange(1, 500).Draw(rt, "changes"))
		if want := naiveInsights(t, s, q); !reflect.DeepEqual(got, want) {
			rt.Fatalf("%+v:\n got %d: %+v\nwant %d: %+v", q, len(got), got, len(want), want)
		}
	})
}

// Whatever is asked, page by page comes what the whole feed says of it; and the
// hourly counts are its recount.
func TestInsightsAreTheFeed(t *testing.T) {
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 11))
		start := time.Date(2026, 3, 1, 22, 10, 0, 0, time.UTC)
		now := clockAt(start)
		s := newSpace(t, space.Config{Rules: limits(rng), ReplayBound: []int{1000, 3}[rng.IntN(2)], Now: now.Now})
		// The clock goes on, and sometimes back.
		fillWorld(t, s, rng, "world", 300, func() { now.Add(time.Duration(rng.IntN(40)-8) * time.Minute) })
		reject := space.Delivery{Source: "web", Rejects: []rejects.Reject{{Code: "bad"}, {Code: "worse"}}}
		if _, err := s.Ingest(t.Context(), reject); err != nil {
			t.Fatal(err)
		}
		verify(t, s)
		checkInsights(t, s, start.UnixNano(), now.UnixNano())
		checkTallies(t, s, start.UnixNano()-int64(24*time.Hour), now.UnixNano()+int64(24*time.Hour), 2)
	}
}

// The same on many nodes, each of which writes a lane of its own.
func TestInsightsOfManyNodes(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	rng := rand.New(rand.NewPCG(1, 12))
	cfg := space.Config{ID: "many", Rules: limits(rng)}
	start := time.Now()
	var spaces []*space.Space
	for range 3 {
		store := openShared(t, server)
		s := openSpace(t, store, cfg)
		spaces = append(spaces, s)
		t.Cleanup(func() {
			s.Close(context.Background())
			store.Close()
		})
	}
	var wg sync.WaitGroup
	for n, s := range spaces {
		wg.Go(func() { fillWorld(t, s, rand.New(rand.NewPCG(uint64(n), 13)), fmt.Sprint("node", n), 80, func() {}) })
	}
	wg.Wait()
	verify(t, spaces[0])
	checkInsights(t, spaces[1], start.UnixNano(), time.Now().UnixNano())
	checkTallies(t, spaces[2], start.UnixNano(), time.Now().Add(time.Hour).UnixNano(), 0)
}

// Counting goes on behind a restart, in the same hour.
func TestTalliesSurviveRestarts(t *testing.T) {
	store := memoryDisk()(t)
	defer store.Close()
	now := clockAt(time.Date(2026, 3, 1, 22, 10, 0, 0, time.UTC))
	for i := range 3 {
		s := openSpace(t, store, space.Config{Now: now.Now})
		ingest(t, s, fmt.Sprintf(`{"type":"track","event":"x","messageId":"m%d","userId":"u%d"}`, i, i))
		ingest(t, s, fmt.Sprintf(`{"type":"track","event":"x","messageId":"b%d","userId":"null"}`, i))
		checkTallies(t, s, now.UnixNano(), now.UnixNano()+1, 0)
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		now.Add(20 * time.Minute)
	}
}

// An unresolved event says why it is of nobody.
func TestUnresolvedEventsSayWhy(t *testing.T) {
	s := newSpace(t, space.Config{Rules: &identity.Rules{Exclude: []identity.Exclusion{{Type: "user_id", Event: "Kiosk"}}}})
	long := strings.Repeat("x", identity.MaxIDBytes+1)
	for _, c := range []struct{ line, reason, id, value string }{
		{`{"type":"track","event":"Kiosk","userId":"7"}`, space.NoIDs, "", ""},
		{`{"type":"track","event":"x","userId":"null"}`, "ID value blocked", "user_id:null", ""},
		{`{"type":"track","event":"x","userId":"null"}`, "ID value blocked", "user_id:null", ""},
		{`{"type":"track","event":"x","userId":"null","anonymousId":"0"}`, "ID value blocked", "anonymous_id:0", `["anonymous_id:0","user_id:null"]`},
		{`{"type":"track","event":"x","anonymousId":"` + long + `"}`, fmt.Sprintf("the ID has more than %d bytes", identity.MaxIDBytes), "anonymous_id:" + long[:200] + "…", ""},
	} {
		m, err := event.Parse([]byte(c.line), event.Envelope{ReceivedAt: time.Now().UnixNano(), Limits: event.Limits{MessageID: 100, Depth: 20, MessageBytes: 1 << 20}})
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Ingest(t.Context(), space.Delivery{Source: "web", Messages: []event.Message{m}})
		if err != nil || r.Unresolved != 1 {
			t.Fatalf("%s: %+v, %v", c.line, r, err)
		}
		p, err := query.New(s).Insights(t.Context(), query.InsightQuery{Kinds: []feed.Kind{feed.Unresolved}, Limit: 1})
		if err != nil || len(p.Insights) != 1 {
			t.Fatalf("%+v, %v", p, err)
		}
		got := p.Insights[0]
		id := got.IDType + ":" + got.IDValue
		if id == ":" {
			id = ""
		}
		if got.Reason != c.reason || id != c.id || string(got.Value) != c.value || got.Source != "web" {
			t.Errorf("%s:\n got %q of %q, %s, %+v\nwant %q of %q, %s", c.line[:min(len(c.line), 90)], got.Reason, id, got.Value, got, c.reason, c.id, c.value)
		}
	}
	if p, err := query.New(s).Insights(t.Context(), query.InsightQuery{Kinds: []feed.Kind{feed.Unresolved}, Limit: 100}); err != nil || len(p.Insights) != 5 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestInsightsRefuseBadQuestions(t *testing.T) {
	s := newSpace(t, space.Config{})
	for _, next := range []string{"x", "AAAA", strings.Repeat("_", 38), strings.Repeat("A", 39)} {
		if _, err := query.New(s).Insights(t.Context(), query.InsightQuery{Next: next}); !errors.Is(err, space.ErrBadCursor) {
			t.Errorf("%q: %v", next, err)
		}
	}
	ref := user("user_id", "nobody")
	if _, err := query.New(s).Insights(t.Context(), query.InsightQuery{Profile: &ref}); !errors.Is(err, space.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	if _, err := query.New(s).Counts(t.Context(), query.CountsQuery{Since: int64(time.Hour), Until: 0}); !errors.Is(err, space.ErrInvalid) {
		t.Errorf("backward: %v", err)
	}
	for _, q := range []query.CountsQuery{
		{Since: math.MinInt64, Until: math.MaxInt64}, {Since: math.MaxInt64, Until: math.MinInt64}, {Since: math.MaxInt64, Until: math.MaxInt64},
		{Since: math.MaxInt64 - 1, Until: math.MaxInt64}, {Since: math.MinInt64, Until: math.MinInt64 + 1}, {Since: math.MinInt64, Until: 0}, {Since: 0, Until: math.MaxInt64},
	} {
		for _, q.Daily = range []bool{false, true} {
			if list, err := query.New(s).Counts(t.Context(), q); !errors.Is(err, space.ErrInvalid) {
				t.Errorf("%+v: %d tallies, %v", q, len(list), err)
			}
		}
	}
	// Before 1970 hours begin on the hour too.
	if list, err := query.New(s).Counts(t.Context(), query.CountsQuery{Since: -1, Until: 1}); err != nil || len(list) != 2 || list[0].At != -int64(time.Hour) || list[1].At != 0 {
		t.Errorf("around 1970: %+v, %v", list, err)
	}
	if _, err := query.New(s).Counts(t.Context(), query.CountsQuery{Until: int64((query.MostCounts + 1) * time.Hour)}); !errors.Is(err, space.ErrInvalid) {
		t.Errorf("too many: %v", err)
	}
}
