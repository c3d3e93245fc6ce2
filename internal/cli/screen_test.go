package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func plainScreen() (*screen, *bytes.Buffer) {
	var b bytes.Buffer
	return &screen{Writer: &b}, &b
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
	coloured := &screen{Writer: out, colour: true}
	out.Reset()
	tb.write(coloured)
	if !strings.Contains(out.String(), "\x1b[36ma\x1b[0m       \x1b[2mZoë\x1b[0m   x\n") {
		t.Errorf("got %q", out)
	}
}

func TestTerminalsAreSafeFromText(t *testing.T) {
	if got := clean("a\x1b[31mb\u009bc\nd é"); got != "a·[31mb·c·d é" {
		t.Errorf("got %q", got)
	}
	if got := shorten("Grüße an alle", 6); got != "Grüße…" {
		t.Errorf("got %q", got)
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
