package computed_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/computed"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// history prints how each value changed.
func history(t *testing.T, h *house, ref space.Ref, q computed.HistoryQuery) map[string][]string {
	t.Helper()
	got, err := h.ComputedHistory(t.Context(), ref, q)
	if err != nil {
		t.Fatal(err)
	}
	if got.Sampled {
		t.Error("the history is sampled")
	}
	out := map[string][]string{}
	for _, s := range got.Series {
		for _, c := range s.Changes {
			value := string(c.JSON)
			if s.Audience {
				value = fmt.Sprint(c.In)
			}
			out[s.Key] = append(out[s.Key], time.Unix(0, c.At).UTC().Format("01-02T15:04 ")+value)
		}
	}
	return out
}

// At every moment the history says what reading the profile as of then says: after all
// events came in any order.
func TestHistoryEqualsReadingAsOfEachMoment(t *testing.T) {
	h := newHouse(t)
	lines := jane(t)
	slices.Reverse(lines)
	h.ingest(t, lines...)
	h.apply(t, segkicks+`  near_rome: {when: traits.city == "Rome" && traits.orders >= 1}
`)
	h.ingest(t,
		`{"type":"identify","messageId":"h-1","userId":"abc123def","timestamp":"2019-11-20T08:00:00Z","traits":{"city":"Rome"}}`,
		`{"type":"identify","messageId":"h-2","userId":"abc123def","timestamp":"2019-12-01T08:00:00Z","traits":{"city":"Oslo"}}`,
		`{"type":"identify","messageId":"h-3","userId":"abc123def","timestamp":"2019-12-10T08:00:00Z","traits":{"city":null}}`)
	h.settle(t)
	ref := user("user_id", "abc123def")
	got, err := h.ComputedHistory(t.Context(), ref, computed.HistoryQuery{})
	if err != nil || got.Sampled || len(got.Series) != 9 {
		t.Fatalf("%+v, %v", got, err)
	}
	var moments []int64
	for _, s := range got.Series {
		for _, c := range s.Changes {
			moments = append(moments, c.At)
		}
	}
	slices.Sort(moments)
	if len(moments) < 20 {
		t.Fatalf("%d changes", len(moments))
	}
	looked := 0
	for _, at := range slices.Compact(moments) {
		for _, asOf := range []int64{at - 1, at} {
			early := ref
			early.AsOf = asOf
			want, err := h.ComputedValues(t.Context(), early)
			if err != nil {
				continue // she had not logged in yet
			}
			looked++
			for _, s := range got.Series {
				var now computed.Change
				for _, c := range s.Changes {
					if c.At <= asOf {
						now = c
					}
				}
				value, in := "", false
				for _, tr := range want.Traits {
					if tr.Key == s.Key {
						value = string(tr.JSON)
					}
				}
				for _, a := range want.Audiences {
					if a.Key == s.Key {
						in = a.In
					}
				}
				if string(now.JSON) != value || now.In != in {
					t.Errorf("%s as of %s is %q %t; the history says %q %t", s.Key, time.Unix(0, asOf).UTC(), value, in, now.JSON, now.In)
				}
			}
		}
	}
	if looked < 20 {
		t.Errorf("only %d moments were compared", looked)
	}
	if list := history(t, h, ref, computed.HistoryQuery{Keys: []string{"near_rome", "abandoned_cart"}}); len(list) != 2 ||
		strings.Join(list["near_rome"], ", ") != "11-20T08:00 true, 12-01T08:00 false" ||
		strings.Join(list["abandoned_cart"], ", ") != "11-15T14:03 true, 11-16T08:34 false" {
		t.Errorf("%q", list)
	}
}

// What time alone changes is in it, and a stretch begins with what was so.
func TestHistoryOfWindows(t *testing.T) {
	h := newHouse(t)
	h.apply(t, `
traits:
  recent: {event: Order Completed, kind: count, window: 7d}
  firm: {for: accounts, event: Order Completed, kind: count}
audiences:
  buyers: {when: traits.recent > 0}
  buying: {for: accounts, users: any, when: traits.recent > 0}
`)
	start := time.Date(2020, 1, 1, 12, 0, 0, 0, time.UTC)
	h.set(start.AddDate(0, 1, 0))
	order := func(id string, days int) string {
		return fmt.Sprintf(`{"type":"track","event":"Order Completed","messageId":%q,"userId":"ada","context":{"groupId":"acme"},"timestamp":%q}`, id, start.AddDate(0, 0, days).Format(time.RFC3339))
	}
	h.ingest(t, order("m1", 0), order("m2", 3))
	h.settle(t)
	ada := user("user_id", "ada")
	list := history(t, h, ada, computed.HistoryQuery{})
	if got := strings.Join(list["recent"], ", "); got != "01-01T12:00 1, 01-04T12:00 2, 01-08T12:00 1, 01-11T12:00 0" {
		t.Errorf("recent: %s", got)
	}
	if got := strings.Join(list["buyers"], ", "); got != "01-01T12:00 true, 01-11T12:00 false" {
		t.Errorf("buyers: %s", got)
	}
	list = history(t, h, ada, computed.HistoryQuery{
		Start: query.BoundAt(start.AddDate(0, 0, 5).UnixNano()), End: query.BoundAt(start.AddDate(0, 0, 8).UnixNano()),
	})
	if got := strings.Join(list["recent"], ", "); got != "01-06T12:00 2, 01-08T12:00 1" {
		t.Errorf("recent in a stretch: %s", got)
	}
	acme := space.Ref{Collection: identity.Accounts, Type: "group_id", Value: "acme"}
	list = history(t, h, acme, computed.HistoryQuery{})
	if got := strings.Join(list["firm"], ", ") + "; " + strings.Join(list["buying"], ", "); got != "01-01T12:00 1, 01-04T12:00 2; 01-01T12:00 true, 01-11T12:00 false" {
		t.Errorf("accounts: %s", got)
	}
}

// Of very many changes some are listed, the last among them, and it is said.
func TestLongHistoriesAreSampled(t *testing.T) {
	h := newHouse(t)
	h.apply(t, "traits:\n  views: {event: Viewed, kind: count}\n")
	start := time.Date(2020, 1, 1, 12, 0, 0, 0, time.UTC)
	h.set(start.AddDate(0, 1, 0))
	var lines []string
	for i := range 2000 {
		lines = append(lines, fmt.Sprintf(`{"type":"track","event":"Viewed","messageId":"v%d","userId":"ada","timestamp":%q}`, i, start.Add(time.Duration(i)*time.Second).Format(time.RFC3339)))
	}
	h.ingest(t, lines...)
	h.settle(t)
	got, err := h.ComputedHistory(t.Context(), user("user_id", "ada"), computed.HistoryQuery{})
	if err != nil || !got.Sampled || len(got.Series) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	changes := got.Series[0].Changes
	last := changes[len(changes)-1]
	if len(changes) < 100 || len(changes) > 500 || string(last.JSON) != "2000" || last.At != start.Add(1999*time.Second).UnixNano() {
		t.Errorf("%d changes, the last %+v", len(changes), last)
	}
	for _, c := range changes {
		if want := (c.At-start.UnixNano())/1e9 + 1; string(c.JSON) != fmt.Sprint(want) {
			t.Fatalf("at %d: %s", want, c.JSON)
		}
	}
}
