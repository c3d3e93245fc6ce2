package terminal

import (
	"fmt"
	"strings"
	"time"
)

// Bar shows how far long work is: a line that is written over on a terminal, a
// line now and then in a pipe or file.
type Bar struct {
	s     *Screen
	every time.Duration
	last  time.Time
	dirty bool
}

// eraseLine takes what stands on the line of a terminal away.
const eraseLine = "\r\x1b[K"

// NewBar makes a bar on a screen.
func NewBar(s *Screen) *Bar {
	b := &Bar{s: s, every: 10 * time.Second, last: time.Now()}
	if s.Terminal {
		b.every, b.last = 100*time.Millisecond, time.Time{}
	}
	return b
}

// Show shows that done of total (0: not known) is done, with a text.
func (b *Bar) Show(done, total int64, text string) {
	if now := time.Now(); now.Sub(b.last) < b.every {
		return
	} else {
		b.last = now
	}
	if !b.s.Terminal {
		if total > 0 {
			text = fmt.Sprintf("%3d %%  %s", done*100/total, text)
		}
		fmt.Fprintln(b.s, text)
		return
	}
	b.dirty = true
	gauge := ""
	if total > 0 {
		const cells = 24
		part := min(float64(done)/float64(total), 1)
		full := int(part * cells)
		gauge = b.s.Paint(Cyan, strings.Repeat("━", full)) + b.s.Paint(Dim, strings.Repeat("─", cells-full)) +
			fmt.Sprintf(" %3d %%  ", int(part*100))
		text = Shorten(text, b.s.Width()-cells-9)
	}
	fmt.Fprintf(b.s, "%s%s%s", b.s.control(eraseLine), gauge, text)
}

// Done takes the bar away.
func (b *Bar) Done() {
	if b.dirty {
		fmt.Fprint(b.s, b.s.control(eraseLine))
		b.dirty = false
	}
}
