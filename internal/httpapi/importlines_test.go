package httpapi

import (
	"fmt"
	"strings"
	"testing"
)

// A byte order mark in front of an import, or of any line of it where files were put
// together, is none of the event; nor is an import of nothing else an event.
func TestByteOrderMarksOfAnImport(t *testing.T) {
	const mark = "\ufeff"
	line := func(n int) string {
		return fmt.Sprintf(`{"type":"track","event":"Seen","userId":"jane","messageId":"m%d"}`, n)
	}
	s := newStory(t)
	var got struct{ Stored, Repeats, Refused int }
	for name, c := range map[string]struct {
		text    string
		stored  int
		refused int
	}{
		"in front":               {mark + line(1) + "\n" + line(2), 2, 0},
		"of each file":           {mark + line(3) + "\r\n" + mark + line(4) + "\r\n", 2, 0},
		"twice":                  {mark + mark + line(5), 1, 0},
		"and a blank line":       {mark + "\n" + line(6), 1, 0},
		"and nothing":            {mark, 0, 0},
		"and a line of no event": {mark + "{}\n" + line(7), 1, 1},
		"in a line":              {line(8) + mark + "\n" + line(9), 1, 1},
	} {
		s.do("POST", "/api/spaces/dev/import?source=web", adminToken, c.text, &got)
		if got.Stored != c.stored || got.Refused != c.refused || got.Repeats != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	// The client's refusals stand behind the lines.
	s.do("POST", "/api/spaces/dev/import?source=web", adminToken, mark+line(10)+"\n"+`{"code":"bad_row","message":"no","body":"e30="}`, &got, "Selfsame-Refused", "1")
	if got.Stored != 1 || got.Refused != 1 {
		t.Errorf("with a refusal: %+v", got)
	}
	// What was sent with a mark and without is one event.
	s.do("POST", "/api/spaces/dev/import?source=web", adminToken, line(1), &got)
	if got.Repeats != 1 {
		t.Errorf("again: %+v", got)
	}
	var events struct{ Data []map[string]any }
	s.do("GET", profilePath+"user_id:jane/events?limit=100", readToken, "", &events)
	for _, e := range events.Data {
		if strings.Contains(fmt.Sprint(e), mark) {
			t.Errorf("%v", e)
		}
	}
	s.verifiedEvents(9)
}
