package computed_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/selfsame-id/selfsame/internal/space/computed"
)

// followed are the orders that those who follow are told of, by user.
func followed(t *testing.T, h *house, users ...string) (people []*computed.Person, orders []string) {
	t.Helper()
	var ids []string
	for _, u := range users {
		p, err := h.Person(t.Context(), user("user_id", u))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, p.ID)
	}
	people, err := h.Followed(t.Context(), ids, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range people {
		text := "none"
		for _, v := range p.Computed {
			text = string(v.JSON)
		}
		orders = append(orders, text)
	}
	return people, orders
}

// What is followed is what was told, and after a merge what is true of both together,
// although nobody has evaluated it yet.
func TestWhatIsFollowedWasToldButForMerges(t *testing.T) {
	h := newHouse(t)
	h.apply(t, "traits:\n  orders: {event: Order Completed, kind: count}\n")
	h.settle(t)
	n := 0
	order := func(ids string) string {
		n++
		return fmt.Sprintf(`{"type":"track","event":"Order Completed","messageId":"o%d","timestamp":"2024-01-0%dT00:00:00Z",%s}`, n, n, ids)
	}
	h.ingest(t, order(`"userId":"u1"`), order(`"userId":"u2"`), order(`"anonymousId":"a1"`))
	h.settle(t)
	h.ingest(t, order(`"userId":"u1"`), order(`"userId":"u2","anonymousId":"a1"`))
	people, orders := followed(t, h, "u1", "u2", "u2")
	if !slices.Equal(orders, []string{"1", "3"}) {
		t.Errorf("followed are %q, want 1 order that was told, and 3 of the merged profile", orders)
	}
	if len(people) == 2 && len(people[1].Identifiers) != 2 {
		t.Errorf("the merged profile has %v", people[1].Identifiers)
	}
	// By the ID that was merged away, too.
	for _, merged := range people[1].Merged {
		if again, err := h.Followed(t.Context(), []string{merged, people[1].ID, "use_000000000000000000000000000", "nonsense"}, nil); err != nil || len(again) != 1 || again[0].ID != people[1].ID {
			t.Errorf("%s leads to %v: %v", merged, again, err)
		}
	}
	if len(people[1].Merged) == 0 {
		t.Error("nothing was merged")
	}
	h.settle(t)
	if _, orders = followed(t, h, "u1", "u2"); !slices.Equal(orders, []string{"2", "3"}) {
		t.Errorf("followed are %q in the end", orders)
	}
}

// States of version 1 say nothing of strands: their values are not relied on.
func TestStatesWithoutStrands(t *testing.T) {
	old := []byte{1, 0, 1, 5, 0, 1, '3'}
	s, err := computed.DecodeState(old)
	if err != nil || s.Strands != 0 || len(s.Values) != 1 || string(s.Values[0].JSON) != "3" {
		t.Errorf("%+v: %v", s, err)
	}
	s.Strands = 1 << 63
	if again, err := computed.DecodeState(s.Append(nil)); err != nil || again.Strands != s.Strands {
		t.Errorf("%+v: %v", again, err)
	}
}
