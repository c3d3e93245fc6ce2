package terminal

import (
	"bytes"
	"crypto/rand"
	"io"
	"os"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/selfsame-id/selfsame/internal/safetext"
)

// Style is an ANSI code.
type Style string

const (
	Bold   Style = "1"
	Dim    Style = "2"
	Red    Style = "1;31"
	Green  Style = "32"
	Yellow Style = "33"
	Cyan   Style = "36"
)

// Screen is where a command writes: a terminal, or a file or pipe that wants
// plain text. Whatever is written becomes safe to show here, so that no command
// can forget it: characters that nobody sees are escaped, except for the codes
// that Paint and control put in.
type Screen struct {
	Out      io.Writer
	Terminal bool
	Colour   bool
	fd       int
	columns  int // where it is known without asking the terminal

	mu   sync.Mutex
	mark string // begins a code of our own; no text can have it
	rest []byte // the beginning of a character that was cut between two writes
	safe []byte // kept between writes
}

// NewScreen finds out what a file is. NO_COLOR and TERM=dumb ask for no colour.
func NewScreen(f *os.File) *Screen {
	s := &Screen{Out: f, fd: int(f.Fd())}
	s.Terminal = term.IsTerminal(s.fd)
	s.Colour = s.Terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return s
}

// Write writes text as safetext.Lines makes it.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := p
	if len(s.rest) > 0 {
		text = append(s.rest, p...)
		s.rest = nil
	}
	if n := cutRune(text); n > 0 {
		s.rest = bytes.Clone(text[len(text)-n:])
		text = text[:len(text)-n]
	}
	b := s.safe[:0]
	for s.mark != "" {
		before, code, found := bytes.Cut(text, []byte(s.mark))
		if !found {
			break
		}
		b = safetext.AppendLines(b, before)
		code, text, _ = bytes.Cut(code, []byte{0})
		b = append(b, code...)
	}
	b = safetext.AppendLines(b, text)
	if cap(b) <= 64<<10 {
		s.safe = b
	}
	if _, err := s.Out.Write(b); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Data is where files are written that are more than text: as they are, but on a terminal.
func (s *Screen) Data() io.Writer {
	if s.Terminal {
		return s
	}
	return s.Out
}

// cutRune is how many bytes at the end are the beginning of a character.
func cutRune(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if c := b[len(b)-n]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(b[len(b)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

// control is a control sequence that passes through Write as it is.
func (s *Screen) control(code string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mark == "" {
		// A byte that is in no text, and more than anybody can guess.
		s.mark = "\xff" + rand.Text()
	}
	return s.mark + code + "\x00"
}

// Log is where a logger writes, which quotes what it shows by itself.
func (s *Screen) Log() io.Writer { return s.Out }

// Width is how many columns there are.
func (s *Screen) Width() int {
	if s.columns > 0 {
		return s.columns
	}
	if s.Terminal {
		if w, _, err := term.GetSize(s.fd); err == nil && w > 20 {
			return w
		}
	}
	return 80
}

// Paint is text in a style, where there is colour.
func (s *Screen) Paint(st Style, text string) string {
	if !s.Colour || text == "" {
		return text
	}
	return s.control("\x1b["+string(st)+"m") + text + s.control("\x1b[0m")
}
