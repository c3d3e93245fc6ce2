package terminal

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

func plainScreen() (*Screen, *bytes.Buffer) {
	var b bytes.Buffer
	return &Screen{Out: &b}, &b
}

func TestTablesAlign(t *testing.T) {
	s, out := plainScreen()
	tb := Table{Header: []string{"ID", "NAME"}, Indent: " ", Styles: []Style{Cyan, Dim}}
	tb.Add("a", "Zoë", "x")
	tb.Add("longer", "y", "z")
	tb.Add("b", "", "")
	tb.Write(s)
	want := " ID      NAME\n a       Zoë   x\n longer  y     z\n b\n"
	if out.String() != want {
		t.Errorf("got\n%s", out)
	}
	// Colour takes no room.
	coloured := &Screen{Out: out, Colour: true}
	out.Reset()
	tb.Write(coloured)
	if !strings.Contains(out.String(), "\x1b[36ma\x1b[0m       \x1b[2mZoë\x1b[0m   x\n") {
		t.Errorf("got %q", out)
	}
}

func TestTablesAlignWideCharacters(t *testing.T) {
	s, out := plainScreen()
	tb := Table{}
	tb.Add("日本", "x")
	tb.Add("e\u0301a", "x") // an accent of its own
	tb.Add("👩‍👧‍👦", "x")
	tb.Add("abcd", "x")
	tb.Write(s)
	for line := range strings.Lines(out.String()) {
		before, _, _ := strings.Cut(line, "x")
		if Columns(before) != 6 {
			t.Errorf("%q begins its second column at %d", line, Columns(before))
		}
	}
	if got := Shorten("日本語テキスト", 6); got != "日本…" {
		t.Errorf("shortened to %q", got)
	}
}

func TestTablesFitOnNarrowTerminals(t *testing.T) {
	s, out := plainScreen()
	s.Terminal, s.columns = true, 40
	tb := Table{Header: []string{"WHEN", "WHAT", "WHY", "SOURCE"}, Styles: []Style{Dim}}
	tb.Add("2026-03-01 08:00:00 UTC", "merged", "because of an event", "web")
	tb.Add("2026-03-01 08:00:01 UTC", "created", "", "a long name of a source")
	tb.Write(s)
	want := `WHEN                     WHAT
    WHY  SOURCE
2026-03-01 08:00:00 UTC  merged
    because of an event  web
2026-03-01 08:00:01 UTC  created
    a long name of a source
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	// The last column is cut where little is missing, and in a pipe nothing is.
	long := strings.Repeat("x", 60)
	for _, terminal := range []bool{true, false} {
		out.Reset()
		s.Terminal = terminal
		tb := Table{}
		tb.Add("id", long)
		tb.Write(s)
		if want := "id  " + long + "\n"; !terminal && out.String() != want || terminal && Columns(out.String()) > 40 {
			t.Errorf("terminal %v: got %q", terminal, out)
		}
	}
}

func TestTerminalsAreSafeFromText(t *testing.T) {
	if got := Clean("a\x1b[31mb\u009bc\nd é"); got != `a\u001b[31mb\u009bc\nd é` {
		t.Errorf("got %q", got)
	}
	if got := Shorten("Grüße an alle", 6); got != "Grüße…" {
		t.Errorf("got %q", got)
	}
	// Whatever is written passes one place, painted or not.
	s, out := plainScreen()
	s.Colour = true
	fmt.Fprintf(s, "%s %s\n", s.Paint(Red, "evil\x1b]0;title\a\u202e"), "\x1b[2J\xff\x00"+s.mark[1:])
	want := "\x1b[1;31mevil\\u001b]0;title\\u0007\\u202e\x1b[0m \\u001b[2J\\xff\\u0000" + s.mark[1:] + "\n"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out, want)
	}
	// A character may come in two writes.
	out.Reset()
	for _, part := range []string{"a\xe2", "\x80\xaeb ", "\xe6\x97", "\xa5\n", "\xf0", "x\n"} {
		if n, err := s.Write([]byte(part)); err != nil || n != len(part) {
			t.Fatal(n, err)
		}
	}
	if want := "a\\u202eb 日\n\\xf0x\n"; out.String() != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestBarInAPipeIsQuiet(t *testing.T) {
	s, out := plainScreen()
	b := NewBar(s)
	b.Show(1, 2, "early")
	b.last = time.Now().Add(-time.Minute)
	b.Show(1, 2, "1 of 2")
	b.Done()
	if out.String() != " 50 %  1 of 2\n" {
		t.Errorf("got %q", out)
	}
}

func TestNumbersForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567"} {
		if got := Count(n); got != want {
			t.Errorf("%d is %s", n, got)
		}
	}
	for d, want := range map[time.Duration]string{12 * time.Millisecond: "12 ms", 1500 * time.Millisecond: "1.5 s", 90 * time.Second: "1:30 min", 3*time.Hour + 5*time.Minute: "3:05 h"} {
		if got := Span(d); got != want {
			t.Errorf("%s is %s", d, got)
		}
	}
	if Many(1, "event") != "1 event" || Many(2000, "event") != "2,000 events" {
		t.Error(Many(1, "event"), Many(2000, "event"))
	}
}
