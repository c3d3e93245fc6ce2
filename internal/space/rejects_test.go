package space_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/rejects"
)

// Refused messages are kept, counted exactly, found page by page, and gone when
// they are sent again.
func TestRejectsAreKeptCountedAndSentAgain(t *testing.T) {
	s := newSpace(t, space.Config{})
	start := time.Now().UnixNano()
	for i := range 25 {
		d := space.Delivery{Source: "web", Rejects: []rejects.Reject{{
			Code: []string{"missing_id", "bad_json"}[i%2], Message: "why", ReceivedAt: start + int64(i), Body: []byte{'{', byte('a' + i)},
		}}}
		if _, err := s.Ingest(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	count := func(code string) int64 {
		t.Helper()
		counts, err := s.RejectCounts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range counts {
			if c.Source == "web" && c.Code == code {
				return c.Count
			}
		}
		return 0
	}
	if a, b := count("missing_id"), count("bad_json"); a != 13 || b != 12 {
		t.Errorf("counted %d and %d, want 13 and 12", a, b)
	}
	var all []rejects.Reject
	q := rejects.Query{Limit: 5, Code: "missing_id"}
	for {
		page, err := s.Rejects(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Rejects...)
		if q.Next = page.Next; q.Next == "" {
			break
		}
	}
	if len(all) != 13 || all[0].ReceivedAt != start+24 || all[12].ReceivedAt != start {
		t.Fatalf("listed %d: %+v", len(all), all)
	}
	one, err := s.Reject(t.Context(), all[0].ID)
	if err != nil || string(one.Body) != "{y" {
		t.Fatalf("read %+v, %v", one, err)
	}
	for range 2 { // sending again twice counts once
		if _, err := s.Ingest(t.Context(), space.Delivery{Source: "web", Resolves: []string{all[0].ID, all[0].ID, all[1].ID, "no such"}}); err != nil {
			t.Fatal(err)
		}
	}
	if n := count("missing_id"); n != 11 {
		t.Errorf("%d kept after sending two again, want 11", n)
	}
	if _, err := s.Reject(t.Context(), all[0].ID); err != space.ErrNotFound {
		t.Errorf("a reject that was sent again: %v", err)
	}
}

// The oldest refused messages make room for the youngest, and none is kept for
// ever; what is counted is what is kept.
func TestRejectsHaveABudget(t *testing.T) {
	now := clockAt(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	s := newSpace(t, space.Config{Now: now.Now, RejectAge: 48 * time.Hour, RejectMost: 150})
	keep := func() (kept []string) {
		t.Helper()
		if err := s.TrimRejects(t.Context()); err != nil {
			t.Fatal(err)
		}
		page, err := s.Rejects(t.Context(), rejects.Query{Limit: 1000, Bodies: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Rejects {
			kept = append(kept, string(r.Body))
		}
		counts, err := s.RejectCounts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sum := int64(0)
		for _, c := range counts {
			sum += c.Count
		}
		if sum != int64(len(kept)) {
			t.Errorf("%d are counted and %d kept", sum, len(kept))
		}
		return kept
	}
	for i := range 300 {
		d := space.Delivery{Source: []string{"web", "app"}[i%2], Rejects: []rejects.Reject{{Code: "bad_json", Body: fmt.Append(nil, i)}}}
		if _, err := s.Ingest(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		now.Add(time.Minute)
	}
	// The bound is each source's own.
	if kept := keep(); len(kept) != 300 {
		t.Errorf("%d kept: %v", len(kept), kept)
	}
	for i := 300; i < 700; i++ {
		d := space.Delivery{Source: "loud", Rejects: []rejects.Reject{{Code: "bad_json", ReceivedAt: now.Now().UnixNano() + int64(i), Body: fmt.Append(nil, i)}}}
		if _, err := s.Ingest(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	if kept := keep(); len(kept) != 450 || kept[0] != "699" || kept[149] != "550" || kept[150] != "299" || kept[449] != "0" {
		t.Errorf("%d kept: %v", len(kept), kept)
	}
	for i := range 150 {
		_, err := s.Ingest(t.Context(), space.Delivery{Source: "loud", Resolves: []string{rejectsOf(t, s, "loud", 1)[0].ID}})
		if err != nil {
			t.Fatal(i, err)
		}
	}
	if n := len(rejectsOf(t, s, "loud", 1000)); n != 0 {
		t.Errorf("%d of loud are kept after all were sent again", n)
	}
	now.Add(43 * time.Hour)
	if kept := keep(); len(kept) != 300 {
		t.Errorf("%d kept: %v", len(kept), kept)
	}
	now.Add(4 * time.Hour)
	if kept := keep(); len(kept) != 60 || kept[59] != "240" {
		t.Errorf("%d kept: %v", len(kept), kept)
	}
	now.Add(2 * time.Hour)
	if kept := keep(); len(kept) != 0 {
		t.Errorf("%d kept: %v", len(kept), kept)
	}
}

func rejectsOf(t *testing.T, s *space.Space, source string, limit int) []rejects.Reject {
	t.Helper()
	page, err := s.Rejects(t.Context(), rejects.Query{Source: source, Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	return page.Rejects
}

// Bytes are bounded as well as records.
func TestRejectsHaveABudgetOfBytes(t *testing.T) {
	s := newSpace(t, space.Config{RejectBytes: 100_000})
	for i := range 40 {
		body := make([]byte, 10_001)
		_, _ = rand.NewChaCha8([32]byte{byte(i)}).Read(body) // packed, it is no smaller
		body[10_000] = byte(i)
		d := space.Delivery{Source: "web", Rejects: []rejects.Reject{{Code: "bad_json", Body: body}}}
		if i == 0 {
			d.Source = "quiet"
		}
		if _, err := s.Ingest(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.TrimRejects(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(rejectsOf(t, s, "web", 1000)); n < 8 || n > 9 {
		t.Errorf("%d of 10 KB are kept in 100 KB", n)
	}
	last := rejectsOf(t, s, "web", 1)[0]
	if full, err := s.Reject(t.Context(), last.ID); err != nil || len(full.Body) != 10_001 || full.Body[10_000] != 39 {
		t.Errorf("the last one: %d bytes, %v", len(full.Body), err)
	}
	if n := len(rejectsOf(t, s, "quiet", 1000)); n != 1 {
		t.Errorf("%d of the quiet source are kept", n)
	}
}

// Identical messages are one record with a count, in one delivery, over several
// and until the hour is over; what differs in anything is not.
func TestIdenticalRejectsAreOne(t *testing.T) {
	now := clockAt(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	s := newSpace(t, space.Config{Now: now.Now})
	ingest := func(source string, rs ...rejects.Reject) {
		t.Helper()
		if _, err := s.Ingest(t.Context(), space.Delivery{Source: source, Rejects: rs}); err != nil {
			t.Fatal(err)
		}
	}
	one := rejects.Reject{Code: "bad_message", Message: "why", Body: []byte("1")}
	for range 400 {
		ingest("web", slices.Repeat([]rejects.Reject{one}, 25)...)
	}
	got := rejectsOf(t, s, "web", 1000)
	if len(got) != 1 || got[0].Count != 10_000 {
		t.Fatalf("%d records, the first counts %d", len(got), got[0].Count)
	}
	ingest("app", one)
	ingest("web", rejects.Reject{Code: "bad_json", Body: []byte("1")}, rejects.Reject{Code: "bad_message", Body: []byte("2")}, rejects.Reject{Code: "bad_message", Endpoint: "track", Body: []byte("1")})
	if web, app := len(rejectsOf(t, s, "web", 1000)), len(rejectsOf(t, s, "app", 1000)); web != 4 || app != 1 {
		t.Errorf("%d of web and %d of app", web, app)
	}
	// One that was sent again does not come back with the next one like it.
	if _, err := s.Ingest(t.Context(), space.Delivery{Source: "web", Resolves: []string{got[0].ID}}); err != nil {
		t.Fatal(err)
	}
	ingest("web", one)
	now.Add(time.Minute)
	ingest("web", one)
	now.Add(time.Hour)
	ingest("web", one)
	counts, err := s.RejectCounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range counts {
		if n.Source == "web" && n.Code == "bad_message" && (n.Count != 4 || n.Messages != 5) {
			t.Errorf("%+v, want 4 records of 5 messages", n)
		}
	}
	for _, r := range rejectsOf(t, s, "web", 1000) {
		if r.Count == 2 && r.LastAt-r.ReceivedAt == int64(time.Minute) {
			return
		}
	}
	t.Error("no record counts the two that came within a minute")
}

// Lists of all sources are one list, page by page.
func TestRejectsOfManySourcesAreListedTogether(t *testing.T) {
	s := newSpace(t, space.Config{})
	const n = 300
	base := time.Now().UnixNano()
	for i := range n {
		r := rejects.Reject{Code: "bad_json", ReceivedAt: base + int64(i/3), Body: fmt.Append(nil, i)}
		if _, err := s.Ingest(t.Context(), space.Delivery{Source: fmt.Sprintf("source-%d", i%7), Rejects: []rejects.Reject{r}}); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	last := ""
	q := rejects.Query{Limit: 11, Bodies: true}
	for {
		page, err := s.Rejects(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Rejects {
			if last != "" && r.ID >= last || len(r.Body) == 0 {
				t.Fatalf("%s with %q comes after %s", r.ID, r.Body, last)
			}
			seen[string(r.Body)], last = true, r.ID
		}
		if q.Next = page.Next; q.Next == "" {
			break
		}
	}
	if len(seen) != n {
		for i := range n {
			if !seen[fmt.Sprint(i)] {
				t.Errorf("%d is missing", i)
			}
		}
	}
	for _, wrong := range []string{"x", "00", strings.Repeat("f", 31), strings.Repeat("g", 32)} {
		if _, err := s.Rejects(t.Context(), rejects.Query{Next: wrong}); err != space.ErrBadCursor {
			t.Errorf("next=%s: %v", wrong, err)
		}
	}
	for _, edge := range []string{strings.Repeat("0", 32), strings.Repeat("f", 32)} {
		if _, err := s.Rejects(t.Context(), rejects.Query{Next: edge}); err != nil {
			t.Errorf("next=%s: %v", edge, err)
		}
	}
}

// Trimming keeps up with whoever fills the budget.
func TestRejectsAreTrimmedQuickly(t *testing.T) {
	s := newSpace(t, space.Config{RejectMost: 100})
	for i := range 20 {
		var list []rejects.Reject
		for k := range 1000 {
			list = append(list, rejects.Reject{Code: "bad_json", Body: fmt.Append(nil, i, k)})
		}
		if _, err := s.Ingest(t.Context(), space.Delivery{Source: "web", Rejects: list}); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(2 * time.Minute); ; {
		<-s.NextJob()
		counts, err := s.RejectCounts(t.Context())
		if err == nil && len(counts) == 1 && counts[0].Count == 100 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v, %v", counts, err)
		}
	}
}

// Bodies are kept whole and packed, whatever their size.
func TestRejectBodiesAreWhole(t *testing.T) {
	s := newSpace(t, space.Config{RejectBytes: 1 << 20})
	sizes := []int{0, 1, 511, 512, 70_000, 4 << 20}
	for i, size := range sizes {
		body := bytes.Repeat([]byte(`{"type":"track","price":NaN},`), size/29+1)[:size]
		if _, err := s.Ingest(t.Context(), space.Delivery{Source: "web", Rejects: []rejects.Reject{{Code: "bad_json", MessageID: fmt.Sprint(i), Body: body}}}); err != nil {
			t.Fatal(err)
		}
	}
	// Packed, all of them fit into a megabyte.
	if err := s.TrimRejects(t.Context()); err != nil {
		t.Fatal(err)
	}
	list := rejectsOf(t, s, "web", 100)
	if len(list) != len(sizes) {
		t.Fatalf("%d are kept", len(list))
	}
	for _, r := range list {
		full, err := s.Reject(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		i, _ := strconv.Atoi(r.MessageID)
		if want := bytes.Repeat([]byte(`{"type":"track","price":NaN},`), sizes[i]/29+1)[:sizes[i]]; !bytes.Equal(full.Body, want) {
			t.Errorf("of %d bytes %d come back", sizes[i], len(full.Body))
		}
	}
}

// A page with bodies ends where it has enough of them; the next goes on there.
func TestPagesOfRejectsAreBoundedInBytes(t *testing.T) {
	s := newSpace(t, space.Config{})
	for i := range 40 {
		body := append(bytes.Repeat([]byte("x"), 1<<20), byte(i))
		if _, err := s.Ingest(t.Context(), space.Delivery{Source: "web", Rejects: []rejects.Reject{{Code: "bad_json", Body: body}}}); err != nil {
			t.Fatal(err)
		}
	}
	seen, pages := map[byte]bool{}, 0
	q := rejects.Query{Limit: 1000, Bodies: true}
	for {
		page, err := s.Rejects(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		if len(page.Rejects) > 20 {
			t.Errorf("a page has %d MB", len(page.Rejects))
		}
		for _, r := range page.Rejects {
			if len(r.Body) != 1<<20+1 {
				t.Fatalf("%d bytes", len(r.Body))
			}
			seen[r.Body[1<<20]] = true
		}
		if q.Next = page.Next; q.Next == "" {
			break
		}
	}
	if len(seen) != 40 || pages < 3 {
		t.Errorf("%d rejects on %d pages", len(seen), pages)
	}
}
