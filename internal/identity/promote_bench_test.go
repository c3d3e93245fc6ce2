package identity_test

import (
	"bufio"
	"fmt"
	"os"
	"testing"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// janes parses the example's messages.
func janes(t testing.TB) []event.Message {
	t.Helper()
	f, err := os.Open("../../examples/jane.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []event.Message
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		m, err := event.Parse([]byte(lines.Text()), event.Envelope{ReceivedAt: 2e18})
		if err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		out = append(out, m)
	}
	return out
}

// TestPromoteJane: what the example says about who she is.
func TestPromoteJane(t *testing.T) {
	rs := compile(t, identity.Rules{})
	want := map[string]bool{
		"anonymous_id:anon_123": true, "anonymous_id:anon_456": true, "anonymous_id:anon_789": true,
		"user_id:abc123def": true, "email:janedoe@example.com": true, "ios.id:ios_abc123": true, "android.id:and_1a2b3c4d": true,
	}
	seen := map[string]bool{}
	for _, m := range janes(t) {
		p := rs.Promote(&m, "ios-app")
		if len(p.Users) < 2 || p.Accounts != nil {
			t.Errorf("%s: %s", m.MessageID, written(p))
		}
		for _, id := range p.Users {
			seen[id.String()] = true
			if rs.Blocked(id) || rs.Unlisted(id.Type) {
				t.Errorf("%s: %s", m.MessageID, id)
			}
		}
	}
	if fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("got %v", seen)
	}
}

func BenchmarkPromote(b *testing.B) {
	messages := janes(b)
	for _, c := range []struct {
		name     string
		rules    identity.Rules
		messages []event.Message
	}{
		{"track-2-ids", identity.Rules{}, messages[:1]},
		{"jane", identity.Rules{}, messages},
		{"jane-custom-keys", identity.Rules{Identifiers: customTypes}, messages},
		{"jane-exclusions", identity.Rules{Exclude: []identity.Exclusion{{Type: "email", Event: "Invitation Sent"}, {Type: "email", Source: "shop"}}}, messages},
	} {
		b.Run(c.name, func(b *testing.B) {
			rs := compile(b, c.rules)
			b.ReportAllocs()
			for i := range b.N {
				rs.Promote(&c.messages[i%len(c.messages)], "ios-app")
			}
		})
	}
}

func BenchmarkBlocked(b *testing.B) {
	rs := compile(b, identity.Rules{Identifiers: []identity.Identifier{{Type: "anonymous_id", Blocked: identity.Blocklist{"test"}}}})
	for _, id := range []identity.ID{{Type: "user_id", Value: "abc123def"}, {Type: "anonymous_id", Value: "7f3a9f1e-9d1c-4f5b-8a55-5a1c6c9f0f3e"}, {Type: "email", Value: "janedoe@example.com"}} {
		b.Run(id.Type, func(b *testing.B) {
			for range b.N {
				rs.Blocked(id)
			}
		})
	}
}

func BenchmarkComparePriority(b *testing.B) {
	for name, r := range map[string]identity.Rules{"built-in": {}, "listed": {Identifiers: []identity.Identifier{{Type: "user_id"}, {Type: "email"}, {Type: "app_id"}, {Type: "anonymous_id"}}}} {
		b.Run(name, func(b *testing.B) {
			rs := compile(b, r)
			x, y := identity.ID{Type: "anonymous_id", Value: "a"}, identity.ID{Type: "user_id", Value: "u"}
			for range b.N {
				rs.ComparePriority(x, y)
			}
		})
	}
}
