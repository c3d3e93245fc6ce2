package export_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/export"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

func open(t testing.TB) *space.Space {
	t.Helper()
	s, err := space.Open(t.Context(), kvtest.NewMemory().Open(), space.Config{ID: "dev", Log: slog.New(slog.DiscardHandler), CacheBytes: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// take takes lines as an import does.
func take(t testing.TB, s *space.Space, text []byte) {
	t.Helper()
	d := space.Delivery{Source: "src", Dedupe: space.DedupeAll}
	i := 0
	for line := range bytes.Lines(text) {
		m, err := event.Parse(bytes.TrimSpace(line), event.Envelope{ReceivedAt: time.Now().UnixNano(), OwnReceipt: true})
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if m.MessageID == "" {
			m.Give(fmt.Sprint("line-", i))
		}
		d.Messages = append(d.Messages, m)
		i++
	}
	if _, err := s.Ingest(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

func jane(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile("../../../examples/jane.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func written(t testing.TB, s *space.Space, q export.Request) (string, export.Status) {
	t.Helper()
	e, err := export.New(s, "").Export(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var b bytes.Buffer
	var last export.Status
	if err := e.Write(t.Context(), &b, func(s export.Status) { last = s }); err != nil {
		t.Fatal(err)
	}
	return b.String(), last
}

func TestProfilesAndIdentifiers(t *testing.T) {
	s := open(t)
	take(t, s, jane(t))
	take(t, s, []byte(`{"type":"identify","userId":"=cmd()","traits":{"firstName":"-2+3","age":42,"note":"a, \"b\"\nc"},"timestamp":"2020-01-01T00:00:00Z"}
{"type":"group","userId":"x","groupId":"acme","traits":{"name":"Acme"}}`))

	text, status := written(t, s, export.Request{Kind: export.Profiles, Format: export.NDJSON})
	type line struct {
		ID, Email   string
		UserID      string `json:"user_id"`
		FirstSeen   string `json:"first_seen"`
		Identifiers []struct{ Type, Value string }
		Traits      map[string]any
	}
	people := map[string]line{}
	for l := range strings.Lines(text) {
		var one line
		if err := json.Unmarshal([]byte(l), &one); err != nil {
			t.Fatalf("%v: %s", err, l)
		}
		people[one.UserID] = one
	}
	if j := people["abc123def"]; len(people) != 3 || status.Rows != 3 || j.Email != "janedoe@example.com" || len(j.Identifiers) != 7 || j.Traits["firstName"] != "Jane" || j.FirstSeen != "2019-11-15T14:00:05Z" {
		t.Errorf("%+v\n%s", status, text)
	}

	text, _ = written(t, s, export.Request{Kind: export.Profiles, Format: export.CSV, Columns: []string{"user_id", "firstName", "age", "note", "ios.id"}})
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(records) != 4 || !slices.Equal(records[0], []string{"id", "user_id", "firstName", "age", "note", "ios.id"}) {
		t.Fatalf("%v\n%s", err, text)
	}
	var rows []string
	for _, r := range records[1:] {
		rows = append(rows, strings.Join(r[1:], "|"))
	}
	slices.Sort(rows)
	if want := []string{"'=cmd()|'-2+3|42|a, \"b\"\nc|", "abc123def|Jane|||ios_abc123", "x||||"}; !slices.Equal(rows, want) {
		t.Errorf("%q, want %q", rows, want)
	}

	text, _ = written(t, s, export.Request{Kind: export.Profiles, Format: export.NDJSON, Collection: identity.Accounts, Columns: []string{"name"}})
	if !strings.HasPrefix(text, `{"id":"acc_`) || !strings.HasSuffix(text, `","name":"Acme"}`+"\n") {
		t.Errorf("%s", text)
	}

	text, _ = written(t, s, export.Request{Kind: export.Identifiers, Format: export.NDJSON, Where: `traits.firstName == "Jane"`})
	if n := strings.Count(text, "\n"); n != 7 || !strings.Contains(text, `"type":"email","value":"janedoe@example.com","first_seen":"2019-11-15T14:08:44Z","source":"src","message_id":"jane-`) {
		t.Errorf("%d identifiers\n%s", n, text)
	}
}

func TestParquet(t *testing.T) {
	s := open(t)
	take(t, s, jane(t))
	text, _ := written(t, s, export.Request{Kind: export.Profiles, Format: export.Parquet})
	type row struct {
		ID          string    `parquet:"id"`
		Email       string    `parquet:"email,optional"`
		FirstSeen   time.Time `parquet:"first_seen,optional,timestamp(microsecond)"`
		Provisional bool      `parquet:"provisional,optional"`
		Traits      string    `parquet:"traits,optional,json"`
	}
	rows, err := parquet.Read[row](strings.NewReader(text), int64(len(text)))
	if err != nil || len(rows) != 1 || rows[0].Email != "janedoe@example.com" || rows[0].Provisional ||
		!rows[0].FirstSeen.Equal(time.Date(2019, 11, 15, 14, 0, 5, 0, time.UTC)) || !strings.Contains(rows[0].Traits, `"lastName":"Doe"`) {
		t.Errorf("%v %+v", err, rows)
	}

	text, status := written(t, s, export.Request{Kind: export.Events, Format: export.Parquet, Where: `event == "Order Completed"`})
	type ev struct {
		MessageID string `parquet:"message_id"`
		Event     string `parquet:"event,optional"`
		Profile   string `parquet:"profile_id,optional"`
	}
	events, err := parquet.Read[ev](strings.NewReader(text), int64(len(text)))
	if err != nil || len(events) != 2 || events[0].Event != "Order Completed" || !strings.HasPrefix(events[0].Profile, "use_") || status.Done != 26 {
		t.Errorf("%v %+v %+v", err, status, events)
	}
}

// What an export of events is imported into is the same space: events, their times, ties
// and order, and all that follows from them.
func TestImportingAnExportMakesTheSame(t *testing.T) {
	first := open(t)
	take(t, first, jane(t))
	now := time.Now()
	d := space.Delivery{Source: "src"}
	for i, one := range []struct {
		body string
		env  event.Envelope
	}{
		// The endpoint says the type, the request when it was sent.
		{`{"userId":"k","traits":{"plan":"a"},"timestamp":"2020-01-01T00:00:00Z"}`, event.Envelope{Type: event.Identify, SentAt: now.Add(-time.Hour).UnixNano()}},
		{"{ \"type\":\"identify\",\n \"userId\":\"k\", \"traits\":{\"plan\":\"b\"},\r\n\"timestamp\":\"2020-01-01T00:00:00.123456Z\"\n}", event.Envelope{}},
		{`{"type":"identify","userId":"k","traits":{"plan":"c"},"timestamp":"2020-01-01T00:00:00.123456Z","receivedAt":"1999-01-01T00:00:00Z"}`, event.Envelope{}},
		{`{"type":"track","event":"received","userId":"k","originalTimestamp":"2020-01-01T00:00:01Z","sentAt":"2020-01-01T00:00:02Z"}`, event.Envelope{}},
		{`{"type":"track","event":"No time","userId":"k","messageId":"given"}`, event.Envelope{}},
		{`{"type":"track","event":"Bad time","userId":"k","timestamp":"yesterday"}`, event.Envelope{Live: true}},
		{`{"messageId":" spaced ","type":"page","name":"x","userId":"k","timestamp":"2021-01-01"}`, event.Envelope{}},
	} {
		one.env.ReceivedAt = now.UnixNano() + int64(i)
		m, err := event.Parse([]byte(one.body), one.env)
		if err != nil {
			t.Fatalf("%s: %v", one.body, err)
		}
		d.Messages = append(d.Messages, m)
	}
	if _, err := first.Ingest(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	text, status := written(t, first, export.Request{Kind: export.Events, Format: export.NDJSON})
	if n := strings.Count(text, "\n"); n != 33 || status.Rows != 33 || status.Done != 33 {
		t.Fatalf("%d lines, %+v\n%s", n, status, text)
	}

	second := open(t)
	take(t, second, []byte(text))
	again, _ := written(t, second, export.Request{Kind: export.Events, Format: export.NDJSON})
	if again != text {
		t.Errorf("the export of the import is\n%s\nwant\n%s", again, text)
	}
	for _, user := range []string{"k", "abc123def"} {
		ref := space.Ref{Collection: identity.Users, Type: "user_id", Value: user}
		if a, b := portrait(t, first, ref), portrait(t, second, ref); a != b {
			t.Errorf("%s was\n%s\nand is\n%s", user, a, b)
		}
	}
}

// portrait is all that is seen of a profile but its ID.
func portrait(t testing.TB, s *space.Space, ref space.Ref) string {
	t.Helper()
	p, err := query.New(s).Profile(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, id := range p.Identifiers {
		fmt.Fprintln(&b, id.Type, id.Value, id.Time, id.ReceivedAt, id.MessageID)
	}
	for _, tr := range p.Traits {
		fmt.Fprintln(&b, tr.Name, string(tr.Value), tr.Time, tr.ReceivedAt, tr.MessageID)
	}
	events, err := query.New(s).Events(t.Context(), ref, query.EventQuery{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events.Events {
		fmt.Fprintln(&b, e.MessageID, e.Time, e.ReceivedAt, e.Type, e.Name)
	}
	return b.String()
}

func TestWhatCannotBeExported(t *testing.T) {
	s := open(t)
	take(t, s, jane(t))
	for _, q := range []export.Request{
		{Kind: "people", Format: export.CSV},
		{Kind: export.Profiles, Format: "xlsx"},
		{Kind: export.Profiles, Format: export.CSV, Source: "x"},
		{Kind: export.Events, Format: export.CSV, Columns: []string{"x"}},
		{Kind: export.Profiles, Format: export.CSV, Columns: []string{"x", "x"}},
		{Kind: export.Profiles, Format: export.CSV, Where: "traits.plan =="},
		{Kind: export.Profiles, Format: export.CSV, Where: "1 + 1"},
		{Kind: export.Profiles, Format: export.CSV, Where: `events("A").count() > 1`},
		{Kind: export.Events, Format: export.CSV, Where: `traits.plan == "a" && nothing(`},
	} {
		e, err := export.New(s, "").Export(t.Context(), q)
		if !errors.Is(err, space.ErrInvalid) {
			t.Errorf("%+v: %v", q, err)
		}
		if err == nil {
			e.Close()
		}
	}
	if _, err := export.New(s, "").Export(t.Context(), export.Request{Kind: export.Members, Format: export.CSV, Audience: "vip"}); !errors.Is(err, space.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

// A reader that goes away ends the export, and nothing of it goes on.
func TestWhoeverReadsGoesAway(t *testing.T) {
	s := open(t)
	var text bytes.Buffer
	for i := range 3000 {
		fmt.Fprintf(&text, `{"type":"identify","userId":"u%d","traits":{"n":%d}}`+"\n", i, i)
	}
	take(t, s, text.Bytes())
	e, err := export.New(s, "").Export(t.Context(), export.Request{Kind: export.Profiles, Format: export.NDJSON})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	r, w := io.Pipe()
	go func() {
		_, _ = io.ReadFull(r, make([]byte, 1000))
		_ = r.CloseWithError(errors.New("gone"))
	}()
	if err := e.Write(t.Context(), w, nil); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = e.Write(ctx, io.Discard, func(export.Status) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	var b bytes.Buffer
	if err := e.Write(t.Context(), &b, nil); err != nil || bytes.Count(b.Bytes(), []byte("\n")) != 3000 {
		t.Errorf("%v, %d lines", err, bytes.Count(b.Bytes(), []byte("\n")))
	}
}
