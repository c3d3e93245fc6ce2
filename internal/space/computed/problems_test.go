package computed_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/space/computed"
)

// problems prints what did not count in a definition.
func (h *house) problems(t *testing.T, key string) string {
	t.Helper()
	status, err := h.DefinitionsStatus(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range status.Definitions {
		for _, p := range d.Problems {
			if d.Key == key {
				out = append(out, fmt.Sprintf("%s %s %d", p.Where, p.Kind, p.Count))
			}
		}
	}
	return strings.Join(out, ", ")
}

func TestWhatDoesNotCountIsCounted(t *testing.T) {
	h := newHouse(t)
	bad := func(n int) string {
		return fmt.Sprintf(`{"type":"track","event":"Ordered","userId":"u","messageId":"m%d","properties":{"price":"dear"}}`, n)
	}
	h.ingest(t, bad(1), bad(2))
	h.apply(t, `traits:
  revenue: {event: Ordered, kind: sum, property: properties.price}
  cheap: {event: Ordered, kind: count, where: properties.colour == "red"}
audiences:
  split: {when: 10 / traits.revenue > 1}
  pro: {when: traits.plan == "pro"}
`)
	h.settle(t)
	if got := h.problems(t, "revenue"); got != "event wrong type 2" {
		t.Errorf("over history: %q", got)
	}
	h.ingest(t, bad(3))
	if got := h.problems(t, "revenue"); got != "event wrong type 3" {
		t.Errorf("before it is stored: %q", got)
	}
	if got := h.problems(t, "cheap"); got != "event missing 3" {
		t.Errorf("a condition without its key: %q", got)
	}
	h.settle(t)
	// A good event makes the evaluator commit, and the counts with it.
	h.ingest(t, `{"type":"track","event":"Ordered","userId":"u","messageId":"m4","properties":{"price":"7","colour":"red"}}`)
	h.settle(t)
	h.Forget()
	if got := h.problems(t, "revenue"); got != "event wrong type 3" {
		t.Errorf("stored: %q", got)
	}
	if got := h.problems(t, "split"); !strings.Contains(got, "profile division by zero") {
		t.Errorf("an expression that fails: %q", got)
	}
	if got := h.problems(t, "pro"); !strings.Contains(got, "profile missing") {
		t.Errorf("a trait that nothing sets: %q", got)
	}
	h.apply(t, "traits:\n  revenue: {event: Ordered, kind: sum, property: properties.cost}\n")
	h.settle(t)
	if got := h.problems(t, "revenue"); got != "" {
		t.Errorf("after the definition changed: %q", got)
	}
}

func TestHowFarTheEvaluatorIsBehind(t *testing.T) {
	h := newHouse(t)
	h.apply(t, "traits:\n  n: {event: A, kind: count}\n")
	h.settle(t)
	behind := func() computed.Behind {
		t.Helper()
		b, err := h.DefinitionsBehind(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if b := behind(); b != (computed.Behind{}) {
		t.Errorf("with nothing to do: %+v", b)
	}
	h.ingest(t, `{"type":"track","event":"A","userId":"u","messageId":"m1"}`)
	h.ingest(t, `{"type":"track","event":"A","userId":"u","messageId":"m2"}`)
	h.set(h.now.Add(3e9))
	if b := behind(); b.Records != 2 || b.Time < 3e9 || b.Time > 4e9 {
		t.Errorf("behind two commits, 3 s old: %+v", b)
	}
	h.settle(t)
	if b := behind(); b != (computed.Behind{}) {
		t.Errorf("after it caught up: %+v", b)
	}
}
