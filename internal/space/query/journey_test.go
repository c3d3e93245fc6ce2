package query_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
	"github.com/selfsame-id/selfsame/internal/space/spacetest"
)

// The example's person has three lanes, and two events joined them.
func TestJourneyOfTheExample(t *testing.T) {
	text, err := os.ReadFile("../../../examples/jane.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	s := spacetest.New(t, space.Config{})
	spacetest.Ingest(t, s, strings.Split(strings.TrimSpace(string(text)), "\n")...)
	j, err := query.New(s).Journey(t.Context(), spacetest.User("user_id", "abc123def"), query.JourneyQuery{})
	if err != nil {
		t.Fatal(err)
	}
	var lanes, items, seams []string
	for _, l := range j.Lanes {
		lanes = append(lanes, fmt.Sprintf("%s %s %d", l.App, l.DeviceType, l.Events))
	}
	for _, i := range j.Items {
		items = append(items, fmt.Sprintf("%d×%s%s", i.Events, i.Name, map[bool]string{true: i.Type.String()}[i.Name == ""]))
	}
	for _, m := range j.Seams {
		seams = append(seams, fmt.Sprintf("%d to %d by %s, %s and %s, %s", m.Lane, m.Other, m.ID, m.A, m.B, m.MessageID))
	}
	if got, want := strings.Join(lanes, "\n"), "SegKicks ios 9\nSegKicks android 3\nSegRuns android 14"; got != want {
		t.Errorf("lanes\n%s\nwant\n%s", got, want)
	}
	if got := items[len(items)-1]; got != "12×Workout Completed" || len(items) != 15 || items[7] != "1×identify" {
		t.Errorf("items %q", items)
	}
	want := "1 to 0 by email:janedoe@example.com, anonymous_id:anon_123 and anonymous_id:anon_456, jane-011\n" +
		"2 to 1 by android.id:and_1a2b3c4d, anonymous_id:anon_456 and anonymous_id:anon_789, jane-013"
	if got := strings.Join(seams, "\n"); got != want {
		t.Errorf("seams\n%s\nwant\n%s", got, want)
	}
	if j.Events != 26 || j.More || time.Unix(0, j.First).UTC().Format(time.DateOnly) != "2019-11-15" {
		t.Errorf("%d events, more %v, first %d", j.Events, j.More, j.First)
	}

	// A stretch of time.
	from := time.Date(2019, 11, 16, 0, 0, 0, 0, time.UTC).UnixNano()
	j, err = query.New(s).Journey(t.Context(), spacetest.User("user_id", "abc123def"), query.JourneyQuery{Start: query.BoundAt(from), End: query.BoundAt(from + int64(12*time.Hour))})
	if err != nil || j.Events != 3 || len(j.Lanes) != 1 || len(j.Seams) != 0 {
		t.Errorf("one morning: %+v, %v", j, err)
	}
}

// Of very many events no item is lost, and there are no more items than were asked for.
func TestJourneyOfVeryManyEvents(t *testing.T) {
	s := spacetest.New(t, space.Config{})
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const n = 4000
	lines := make([]string, n)
	for i := range lines {
		app, at := "Shop", begin.Add(time.Duration(i*i%977)*time.Hour+time.Duration(i)*time.Second)
		if i%3 == 0 {
			app = "Runs"
		}
		lines[i] = fmt.Sprintf(`{"type":"track","event":"E%d","messageId":"m%d","userId":"u","anonymousId":"%s","timestamp":"%s","context":{"app":{"name":"%s"}}}`, i%7, i, app, at.Format(time.RFC3339), app)
	}
	spacetest.Ingest(t, s, lines...)
	for _, items := range []int{10, 100, 2000} {
		j, err := query.New(s).Journey(t.Context(), spacetest.User("user_id", "u"), query.JourneyQuery{Items: items})
		if err != nil {
			t.Fatal(err)
		}
		sum, laneSum, last := int64(0), int64(0), int64(0)
		for _, it := range j.Items {
			sum += it.Events
			if it.From < last || it.To < it.From || it.MessageID == "" {
				t.Fatalf("%d items: %+v after %d", items, it, last)
			}
			last = it.From
		}
		for _, l := range j.Lanes {
			laneSum += l.Events
		}
		if sum != n || laneSum != n || j.Events != n || len(j.Items) > items || len(j.Items) < items/3 || len(j.Lanes) != 2 {
			t.Errorf("%d items asked: %d items of %d events, lanes of %d, %d lanes", items, len(j.Items), sum, laneSum, len(j.Lanes))
		}
	}
}

func TestManyLanesShareOne(t *testing.T) {
	s := spacetest.New(t, space.Config{})
	var lines []string
	for i := range 30 {
		for k := range i + 1 {
			lines = append(lines, fmt.Sprintf(`{"type":"track","event":"E","messageId":"m%d-%d","userId":"u","timestamp":"2026-01-01T10:%02d:%02dZ","context":{"app":{"name":"App %d"}}}`, i, k, i, k, i))
		}
	}
	spacetest.Ingest(t, s, lines...)
	j, err := query.New(s).Journey(t.Context(), spacetest.User("user_id", "u"), query.JourneyQuery{})
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for _, l := range j.Lanes {
		sum += l.Events
	}
	if len(j.Lanes) != 12 || j.Lanes[11].App != "" || sum != int64(len(lines)) {
		t.Errorf("%+v of %d events", j.Lanes, len(lines))
	}
}

func TestRecentEventsSayWhatTheyDid(t *testing.T) {
	s := spacetest.New(t, space.Config{})
	spacetest.Ingest(t, s, `{"type":"track","event":"A","messageId":"1","anonymousId":"a1"}`)
	spacetest.Ingest(t, s, `{"type":"track","event":"B","messageId":"2","anonymousId":"a1"}`)
	spacetest.Ingest(t, s, `{"type":"identify","messageId":"3","anonymousId":"a1","userId":"u1","traits":{"plan":"pro"}}`)
	q := query.New(s)
	list, err := q.Recent(t.Context(), 0, 2)
	if err != nil || len(list) != 2 || list[0].MessageID != "3" || list[1].MessageID != "2" {
		t.Fatalf("%+v, %v", list, err)
	}
	var kinds []string
	for _, c := range list[0].Changes {
		kinds = append(kinds, c.Kind.String()+" "+c.IDType+c.Trait)
	}
	if got := strings.Join(kinds, ", "); got != "id_added user_id, trait_set plan" {
		t.Errorf("changes %q", got)
	}
	if p, err := q.Profile(t.Context(), spacetest.User("user_id", "u1")); err != nil || list[0].Profile != p.ID || list[1].Profile != p.ID {
		t.Errorf("of %q and %q, want %q (%v)", list[0].Profile, list[1].Profile, p.ID, err)
	}
	since, err := q.Recent(t.Context(), list[0].StoredAt, 100)
	if err != nil || len(since) != 1 {
		t.Errorf("since the last: %d, %v", len(since), err)
	}
	if all, err := q.Recent(t.Context(), 0, 100); err != nil || len(all) != 3 {
		t.Errorf("all: %d, %v", len(all), err)
	}
}
