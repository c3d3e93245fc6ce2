package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"

	"github.com/selfsame-id/selfsame/internal/safetext"
)

// NewLogger writes lines for people to a terminal, and logfmt elsewhere.
func NewLogger(w io.Writer, level slog.Level, terminal, colour bool) *slog.Logger {
	if !terminal {
		return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: plainError}))
	}
	return slog.New(&prettyHandler{out: w, mu: &sync.Mutex{}, level: level, colour: colour})
}

// plainError keeps errors to what they say: some print pages of stack traces
// when they are asked for all they have, which is how logfmt asks.
func plainError(_ []string, a slog.Attr) slog.Attr {
	if err, ok := a.Value.Any().(error); ok && err != nil {
		a.Value = slog.StringValue(err.Error())
	}
	return a
}

// prettyHandler writes one short line for a record: time of day, what happened,
// then the attributes, dimmed. The level is shown when it asks for attention.
type prettyHandler struct {
	out    io.Writer
	mu     *sync.Mutex // shared by all handlers derived from one
	level  slog.Level
	colour bool
	prefix string // groups that are open, with a dot behind each
	attrs  string // rendered attributes of With
}

func (h *prettyHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

func (h *prettyHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(h.paint("2", r.Time.Format("15:04:05")))
	b.WriteByte(' ')
	switch {
	case r.Level >= slog.LevelError:
		b.WriteString(h.paint("1;31", "error") + " ")
	case r.Level >= slog.LevelWarn:
		b.WriteString(h.paint("1;33", "warning") + " ")
	case r.Level < slog.LevelInfo:
		b.WriteString(h.paint("2", "debug") + " ")
	}
	b.WriteString(safetext.Lines(r.Message))
	var attrs strings.Builder
	attrs.WriteString(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		appendAttr(&attrs, h.prefix, a)
		return true
	})
	if attrs.Len() > 0 {
		b.WriteString(h.paint("2", attrs.String()))
	}
	b.WriteByte('\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := io.WriteString(h.out, b.String())
	return err
}

func (h *prettyHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	n := *h
	var b strings.Builder
	for _, a := range attrs {
		appendAttr(&b, h.prefix, a)
	}
	n.attrs += b.String()
	return &n
}

func (h *prettyHandler) WithGroup(name string) slog.Handler {
	n := *h
	if name != "" {
		n.prefix += name + "."
	}
	return &n
}

func (h *prettyHandler) paint(code, s string) string {
	if !h.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func appendAttr(b *strings.Builder, prefix string, a slog.Attr) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, inner := range v.Group() {
			appendAttr(b, prefix, inner)
		}
		return
	}
	if a.Key == "" {
		return
	}
	text := fmt.Sprint(v.Any())
	if text == "" || strings.ContainsAny(text, " \t\n\"=") || safetext.Hidden(text) {
		text = strconv.Quote(text)
	}
	b.WriteString("  " + prefix + a.Key + "=" + text)
}
