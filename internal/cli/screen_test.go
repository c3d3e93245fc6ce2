package cli

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/safetext"
)

func plainScreen() (*screen, *bytes.Buffer) {
	var b bytes.Buffer
	return &screen{out: &b}, &b
}

func TestTablesAlign(t *testing.T) {
	s, out := plainScreen()
	tb := table{header: []string{"ID", "NAME"}, indent: " ", styles: []style{cyan, dim}}
	tb.add("a", "Zoë", "x")
	tb.add("longer", "y", "z")
	tb.add("b", "", "")
	tb.write(s)
	want := " ID      NAME\n a       Zoë   x\n longer  y     z\n b\n"
	if out.String() != want {
		t.Errorf("got\n%s", out)
	}
	// Colour takes no room.
	coloured := &screen{out: out, colour: true}
	out.Reset()
	tb.write(coloured)
	if !strings.Contains(out.String(), "\x1b[36ma\x1b[0m       \x1b[2mZoë\x1b[0m   x\n") {
		t.Errorf("got %q", out)
	}
}

func TestTablesAlignWideCharacters(t *testing.T) {
	s, out := plainScreen()
	tb := table{}
	tb.add("日本", "x")
	tb.add("e\u0301a", "x") // an accent of its own
	tb.add("👩‍👧‍👦", "x")
	tb.add("abcd", "x")
	tb.write(s)
	for line := range strings.Lines(out.String()) {
		before, _, _ := strings.Cut(line, "x")
		if columns(before) != 6 {
			t.Errorf("%q begins its second column at %d", line, columns(before))
		}
	}
	if got := shorten("日本語テキスト", 6); got != "日本…" {
		t.Errorf("shortened to %q", got)
	}
}

func TestTablesFitOnNarrowTerminals(t *testing.T) {
	s, out := plainScreen()
	s.terminal, s.columns = true, 40
	tb := table{header: []string{"WHEN", "WHAT", "WHY", "SOURCE"}, styles: []style{dim}}
	tb.add("2026-03-01 08:00:00 UTC", "merged", "because of an event", "web")
	tb.add("2026-03-01 08:00:01 UTC", "created", "", "a long name of a source")
	tb.write(s)
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
		s.terminal = terminal
		tb := table{}
		tb.add("id", long)
		tb.write(s)
		if want := "id  " + long + "\n"; !terminal && out.String() != want || terminal && columns(out.String()) > 40 {
			t.Errorf("terminal %v: got %q", terminal, out)
		}
	}
}

func TestTerminalsAreSafeFromText(t *testing.T) {
	if got := clean("a\x1b[31mb\u009bc\nd é"); got != `a\u001b[31mb\u009bc\nd é` {
		t.Errorf("got %q", got)
	}
	if got := shorten("Grüße an alle", 6); got != "Grüße…" {
		t.Errorf("got %q", got)
	}
	// Whatever is written passes one place, painted or not.
	s, out := plainScreen()
	s.colour = true
	fmt.Fprintf(s, "%s %s\n", s.paint(red, "evil\x1b]0;title\a\u202e"), "\x1b[2J\xff\x00"+s.mark[1:])
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

func TestYAMLWithHiddenCharactersCanBeReadAgain(t *testing.T) {
	s, out := plainScreen()
	sh := &shell{out: s}
	doc := map[string]string{"plain": "zoë", "turned": "a\u202eb\U000e0041", "lines": "one\ntwo\u200b\n"}
	if err := sh.yaml(doc); err != nil {
		t.Fatal(err)
	}
	if safetext.Hidden(out.String()) || !strings.Contains(out.String(), "plain: zoë") {
		t.Errorf("printed\n%q", out)
	}
	var back map[string]string
	if err := yaml.Unmarshal(out.Bytes(), &back); err != nil || !maps.Equal(back, doc) {
		t.Errorf("%v: read again as %q", err, back)
	}
}

func TestListsWithoutEntriesAreLists(t *testing.T) {
	for _, v := range []any{[]string(nil), []api.Reject(nil), []string{}} {
		s, out := plainScreen()
		if err := (&shell{out: s}).json(v); err != nil || out.String() != "[]\n" {
			t.Errorf("%T is %q, %v", v, out, err)
		}
	}
}

func TestBarInAPipeIsQuiet(t *testing.T) {
	s, out := plainScreen()
	b := newBar(s)
	b.show(1, 2, "early")
	b.last = time.Now().Add(-time.Minute)
	b.show(1, 2, "1 of 2")
	b.done()
	if out.String() != " 50 %  1 of 2\n" {
		t.Errorf("got %q", out)
	}
}

func TestNumbersForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567"} {
		if got := count(n); got != want {
			t.Errorf("%d is %s", n, got)
		}
	}
	for d, want := range map[time.Duration]string{12 * time.Millisecond: "12 ms", 1500 * time.Millisecond: "1.5 s", 90 * time.Second: "1:30 min", 3*time.Hour + 5*time.Minute: "3:05 h"} {
		if got := span(d); got != want {
			t.Errorf("%s is %s", d, got)
		}
	}
	if many(1, "event") != "1 event" || many(2000, "event") != "2,000 events" {
		t.Error(many(1, "event"), many(2000, "event"))
	}
}
