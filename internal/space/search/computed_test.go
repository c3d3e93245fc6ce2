package search_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/computed"
	"github.com/selfsame-id/selfsame/internal/space/search"
)

// Profiles are found by what was computed of them: as it is told, over merges, and no more
// when the definition is gone.
func TestComputedTraitsAreFound(t *testing.T) {
	s := open(t, kvtest.NewMemory().Open(), space.Config{Compile: computed.Compile})
	values := computed.New(s, computed.Config{})
	order := func(id, who string) string {
		return fmt.Sprintf(`{"type":"track","event":"Order Completed","messageId":%q,%s,"properties":{"category":"Running Shoes"}}`, id, who)
	}
	ingest(t, s, order("m1", `"userId":"ann"`), order("m2", `"userId":"ann"`), order("m3", `"anonymousId":"a9"`),
		`{"type":"identify","messageId":"m4","userId":"eve","traits":{"orders":2}}`)
	x := search.New(s, quiet, search.Told{
		Traits: func(ctx context.Context, r kv.Reader, profiles []codec.ProfileID) ([][]profile.Trait, error) {
			return computed.ToldTraits(ctx, s, r, profiles)
		},
		Revision: func() uint64 { return s.Definitions().Revision },
	})
	apply := func(document string) {
		t.Helper()
		if _, err := values.ApplyDefinitions(t.Context(), []byte(document), nil); err != nil {
			t.Fatal(err)
		}
	}
	look := func(query, want string) {
		t.Helper()
		conditions, err := search.Parse(query)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for next := ""; ; {
			p, err := x.Find(t.Context(), search.Query{Collection: identity.Users, Conditions: conditions, Limit: 1, Next: next})
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range p.Hits {
				got = append(got, h.Identifiers[0].Value+" by "+h.Matches[0].Trait+"="+h.Matches[0].Value)
			}
			if next = p.Next; next == "" {
				break
			}
		}
		slices.Sort(got)
		if all := strings.Join(got, ", "); all != want {
			t.Errorf("%s finds %q, want %q", query, all, want)
		}
	}
	settle := func() {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(2 * time.Millisecond) {
			status, err := values.DefinitionsStatus(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			waits := func(d computed.Status) bool { return !d.Complete }
			if status.Behind.Records == 0 && status.Progress == nil && !slices.ContainsFunc(status.Definitions, waits) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%+v", status)
			}
		}
		x.Settle(t)
	}
	x.Settle(t)
	look("orders:2", "eve by orders=2") // a trait that she sent herself

	apply("traits:\n  orders: {event: Order Completed, kind: count}\n  likes: {event: Order Completed, kind: unique_list, property: properties.category}\n")
	settle()
	look("orders:2", "ann by orders=2, eve by orders=2")
	look("orders:1", "a9 by orders=1")
	look(`likes:"running shoes"`, "a9 by likes=running shoes, ann by likes=running shoes")
	look("likes:runn*", "a9 by likes=running shoes, ann by likes=running shoes")
	look("runn", "") // it is no name

	// One more order of a person who turns out to be another.
	ingest(t, s, `{"type":"identify","messageId":"m5","userId":"ann","anonymousId":"a9"}`)
	settle()
	look("orders:3 likes:run*", "ann by orders=3")
	look("orders:1", "")
	look("orders:2", "eve by orders=2")

	apply("traits:\n  likes: {event: Order Completed, kind: unique_list, property: properties.category}\n")
	settle()
	look("orders:3", "")
	look("likes:run*", "ann by likes=running shoes")
}
