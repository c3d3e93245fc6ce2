package computed_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/computed"
)

// An account with many users is evaluated once in a while; who reads it has it exact, and
// in the end all of it is told.
func TestAccountsWithManyUsersRest(t *testing.T) {
	defer computed.SetMostUsers(2)()
	h := open(t, kvtest.NewMemory().Open(), space.Config{})
	h.apply(t, `
traits:
  paid: {event: Paid, kind: count, for: accounts}
audiences:
  payers: {for: accounts, when: traits.paid >= 5}
`)
	n := 0
	pay := func(user int) {
		t.Helper()
		n++
		h.ingest(t, fmt.Sprintf(`{"type":"track","event":"Paid","messageId":"m%d","userId":"u%d","timestamp":%q}`, n, user, h.now.UTC().Format(time.RFC3339)))
	}
	for user := range 3 {
		h.ingest(t, fmt.Sprintf(`{"type":"group","userId":"u%d","groupId":"g"}`, user))
	}
	told := func() int64 {
		t.Helper()
		page, err := h.AudienceMembers(t.Context(), "payers", 10, "")
		if err != nil {
			t.Fatal(err)
		}
		return page.Status.Members
	}
	read := func(want string) {
		t.Helper()
		v, err := h.ComputedValues(t.Context(), space.Ref{Collection: identity.Accounts, Type: "group_id", Value: "g"})
		if err != nil || len(v.Traits) != 1 || string(v.Traits[0].JSON) != want {
			t.Fatalf("%v, %v, want %s", v.Traits, err, want)
		}
	}
	pay(0)
	h.settle(t)
	h.set(h.now.Add(time.Second)) // it has rested
	pay(0)
	h.settle(t)
	for user := range 3 {
		pay(user)
	}
	h.settle(t)
	if read("5"); told() != 0 {
		t.Fatal("it did not rest")
	}
	h.set(h.now.Add(time.Second))
	h.settle(t)
	if told() != 1 {
		t.Fatal("it was not told in the end")
	}
	// What a crash forgets of it is told as well.
	pay(0)
	h.settle(t)
	h.Forget()
	h.set(h.now.Add(time.Second))
	h.settle(t)
	wrong, err := h.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range wrong {
		t.Error(s)
	}
}
