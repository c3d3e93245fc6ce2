package space_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/space"
)

// Refused messages are kept, counted exactly, found page by page, and gone when
// they are sent again.
func TestRejectsAreKeptCountedAndSentAgain(t *testing.T) {
	s := newSpace(t, space.Config{})
	start := time.Now().UnixNano()
	for i := range 25 {
		d := space.Delivery{Source: "web", Rejects: []space.Reject{{
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
		page, err := s.Rejects(t.Context(), space.RejectQuery{Limit: 1000})
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
		d := space.Delivery{Source: []string{"web", "app"}[i%2], Rejects: []space.Reject{{Code: "bad_json", Body: fmt.Append(nil, i)}}}
		if _, err := s.Ingest(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		now.Add(time.Minute)
	}
	if kept := keep(); len(kept) != 150 || kept[0] != "299" || kept[149] != "150" {
		t.Errorf("%d kept: %v", len(kept), kept)
	}
	now.Add(47 * time.Hour)
	if kept := keep(); len(kept) != 60 || kept[59] != "240" {
		t.Errorf("%d kept: %v", len(kept), kept)
	}
	now.Add(2 * time.Hour)
	if kept := keep(); len(kept) != 0 {
		t.Errorf("%d kept: %v", len(kept), kept)
	}
}
