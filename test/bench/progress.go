package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/term"
)

// progress tells whoever waits what is going on, on the standard error: tables go
// to the standard output.
type progress struct {
	began       time.Time
	steps, done int
	round, what string
	terminal    bool // there is a line at the end that says how far it is
}

func (p *progress) begin(steps int) {
	p.began, p.steps = time.Now(), steps
	p.terminal = term.IsTerminal(int(os.Stderr.Fd()))
}

// step begins the next one.
func (p *progress) step(what string) {
	p.what = what
	if p.terminal {
		p.show()
	} else {
		fmt.Fprintf(os.Stderr, "%s, %s: %s\n", time.Since(p.began).Round(time.Second), p.round, what)
	}
	p.done++
}

func (p *progress) show() {
	so := time.Since(p.began)
	line := fmt.Sprintf("%s · %s · %v so far", p.round, p.what, so.Round(time.Second))
	// The first round makes what all rounds use, so it says too much.
	if p.done > 0 {
		left := so / time.Duration(p.done) * time.Duration(p.steps-p.done)
		line += fmt.Sprintf(", about %v to go", left.Round(10*time.Second))
	}
	fmt.Fprintf(os.Stderr, "\r\x1b[2K%s", line)
}

func (p *progress) end() {
	if p.terminal {
		fmt.Fprint(os.Stderr, "\r\x1b[2K")
		p.terminal = false
	}
}

// say says something, above the line that says how far it is.
func (b *bench) say(format string, args ...any) {
	if b.progress.terminal {
		fmt.Fprint(os.Stderr, "\r\x1b[2K")
	}
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	if b.progress.terminal {
		b.progress.show()
	}
}
