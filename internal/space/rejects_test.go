package space_test

import (
	"testing"

	"github.com/selfsame-id/selfsame/internal/space"
)

// Refused messages are kept, counted exactly, found page by page, and gone when
// they are sent again.
func TestRejectsAreKeptCountedAndSentAgain(t *testing.T) {
	s := newSpace(t, space.Config{})
	for i := range 25 {
		d := space.Delivery{Source: "web", Rejects: []space.Reject{{
			Code: []string{"missing_id", "bad_json"}[i%2], Message: "why", ReceivedAt: int64(i + 1), Body: []byte{'{', byte('a' + i)},
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
	var all []space.Reject
	q := space.RejectQuery{Limit: 5, Code: "missing_id"}
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
	if len(all) != 13 || all[0].ReceivedAt != 25 || all[12].ReceivedAt != 1 {
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
