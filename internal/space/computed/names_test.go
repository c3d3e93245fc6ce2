package computed_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/computed"
)

// A name of a trait that no event has set is refused where that can be told, and only in
// what somebody applies.
func TestNamesOfTraitsThatNobodySet(t *testing.T) {
	h := open(t, kvtest.NewMemory().Open(), space.Config{})
	names, whole := []string{"plan", "tier"}, true
	h.Computed = computed.New(h.space, computed.Config{Now: func() time.Time { return h.now }, Idle: true,
		TraitNames: func(_ context.Context, c identity.Collection) ([]string, bool, error) {
			if c == identity.Accounts {
				return nil, true, nil // none was set yet
			}
			return names, whole, nil
		}})
	refused := func(document, want string) {
		t.Helper()
		_, err := h.ApplyDefinitions(t.Context(), []byte(document), nil)
		if !errors.Is(err, compute.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", document, err, want)
		}
		if _, err := h.PreviewDefinitions(t.Context(), []byte(document)); !errors.Is(err, compute.ErrInvalid) {
			t.Errorf("%s: the preview says %v", document, err)
		}
	}
	refused(`audiences: {pros: {when: traits.paln == "pro"}}`, `did you mean "plan"?`)
	refused(`audiences: {pros: {when: traits.paln == "pro"}}`, "name it in set_traits")
	refused("traits: {orders: {event: Order, kind: count}}\naudiences: {some: {when: traits.order > 1}}", `did you mean "orders"?`)
	if _, err := h.PreviewAudience(t.Context(), []byte(`audiences: {pros: {when: traits.paln == "pro"}}`), "pros", 1); !errors.Is(err, compute.ErrInvalid) {
		t.Errorf("the preview of the audience says %v", err)
	}
	h.apply(t, `
set_traits: {later: string}
audiences:
  pros:   {when: 'traits.plan == "pro" || traits.later == "x" || traits.email == "y"'}
  shops:  {for: accounts, when: traits.floors > 2}
`)
	// What is in force may stay, and everything while it cannot be told.
	whole = false
	h.apply(t, `audiences: {pros: {when: traits.paln == "pro"}, shops: {for: accounts, when: traits.floors > 2}}`)
	whole = true
	h.apply(t, `audiences: {pros: {when: traits.paln == "free"}, shops: {for: accounts, when: traits.floors > 2}}`)
	refused(`audiences: {pros: {when: traits.paln == "free" && traits.teir == "a"}}`, `did you mean "tier"?`)
	if err := h.ApplyDeclared(t.Context(), []byte(`audiences: {pros: {when: traits.teir == "free"}}`)); err != nil {
		t.Error(err)
	}
}
