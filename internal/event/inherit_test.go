package event

import (
	"strings"
	"testing"
)

// TestReadInherits: what Read makes of a message is what Parse makes of the text
// that Inherit completes, whether they share it or not.
func TestReadInherits(t *testing.T) {
	messages := []string{
		`{"type":"track","event":"A","userId":"u"}`,
		`{"type":"track","event":"A","userId":"u","context":null,"integrations":null}`,
		`{"type":"track","event":"A","userId":"u","context":{}}`,
		`{"type":"track","event":"A","userId":"u","context":"odd"}`,
		`{"type":"track","event":"A","userId":"u","context":{"app":"Own"},"integrations":{"All":false}}`,
		`{"type":"track","event":"A","userId":"u","integrations":{"All":true}}`,
		`{"type":"track","event":"A","userId":"u","context":{"app":"First"},"context":null}`,
		`{"type":"track","event":"A"}`,
		`{"type":"track","userId":"u"}`,
		`{"type":"identify","traits":{"email":"a@b.c"}, "timestamp" : "2024-05-01T10:00:00Z"}`,
		`{"type":"group","groupId":"g","timestamp":"never"}`,
		`7`,
		`{"type":"page","userId":"u","x":"` + strings.Repeat("x", 32<<10-200) + `"}`,
		`{"type":"page","userId":"u","x":"` + strings.Repeat("x", 32<<10-59) + `"}`,
	}
	besides := []string{
		``, `,"context":{}`, `,"context":{"app":"Shop"}`, `,"integrations":{"All":false}`,
		`,"context":{"app":{"name":"Shop"},"groupId":"g","device":{"type":"iOS","id":"d","advertisingId":"ad","adTrackingEnabled":true},
			"traits":{"email":"ruth@x.example","crossDomainId":"c"},"Braze":{"braze_id":"b"},
			"integrations":{"Google Analytics":{"clientId":"ga"}},"externalIds":[{"id":"1","type":"phone","collection":"users","encoding":"none"}]},"integrations":{"All":true}`,
		`,"context":{"externalIds":[{"id":"1","type":"phone","collection":"users","encoding":"none"}]}`,
		`,"context":{"x":"` + "\xff" + `"}`,
		`,"context":{"x":` + strings.Repeat("[", 98) + strings.Repeat("]", 98) + `}`,
		`,"context":{"x":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}`,
		`,"context":{"x":"` + strings.Repeat("x", 33<<10) + `"}`,
	}
	for _, beside := range besides {
		body := []byte(`{"batch":[` + strings.Join(messages, ",") + `]` + beside + `,"sentAt":"2024-05-01T11:00:00Z"}`)
		b, err := Split(body, Limits{})
		if err != nil {
			t.Fatalf("%.80s: %v", beside, err)
		}
		compareReadWithParse(t, body, b)
	}
}

// TestInheritedTextIsShared: many messages that inherit much take no more memory
// than without it.
func TestInheritedTextIsShared(t *testing.T) {
	const count = 1000
	batch := `{"batch":[` + strings.TrimSuffix(strings.Repeat(`{"type":"track","event":"A","userId":"u"},`, count), ",") + `]`
	asked := func(body string) (bytes int) {
		env := Envelope{ReceivedAt: received, Room: func(n int) bool { bytes += n; return true }}
		_, items, err := Read([]byte(body), env, true, nil)
		if err != nil || len(items) != count {
			t.Fatalf("%d items, %v", len(items), err)
		}
		return bytes
	}
	context := `,"context":{"page":{"title":"` + strings.Repeat("t", 6<<10) + `"}}}`
	if plain, shared := asked(batch+"}"), asked(batch+context); shared > plain+plain/4 {
		t.Errorf("%d bytes with a shared context, %d without", shared, plain)
	}
}
