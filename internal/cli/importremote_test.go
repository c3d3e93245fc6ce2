package cli

import (
	"testing"

	"github.com/selfsame-id/selfsame/internal/event"
)

// A message that was given an ID arrives at the server with it, whatever its body
// says of one.
func TestGivenMessageIDsGoAlong(t *testing.T) {
	for raw, want := range map[string]string{
		`{"type":"page","userId":"u"}`:                                 "import-1",
		`{"type":"page","userId":"u","messageId":null}`:                "import-1",
		`{"messageId":"  ","type":"page","userId":"u"}`:                "import-1",
		`{"messageId":"own","type":"page","userId":"u"}`:               "own",
		"{\"type\":\"page\",\n\"userId\":\"u\",\"messageId\":\"own\"}": "own",
	} {
		m, err := event.Parse([]byte(raw), event.Envelope{ReceivedAt: 1})
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if m.MessageID == "" {
			m.Give("import-1")
		}
		line := appendLine(nil, &m)
		got, err := event.Parse(line[:len(line)-1], event.Envelope{ReceivedAt: 1})
		if err != nil || line[len(line)-1] != '\n' || got.MessageID != want || got.UserID != "u" {
			t.Errorf("%s goes as %s: %+v, %v", raw, line, got, err)
		}
	}
}
