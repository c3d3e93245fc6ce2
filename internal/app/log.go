package app

import (
	"io"
	"log/slog"

	"github.com/lmittmann/tint"

	"github.com/selfsame-id/selfsame/internal/safetext"
)

// NewLogger writes lines for people to a terminal, and logfmt elsewhere.
func NewLogger(w io.Writer, level slog.Level, terminal, colour bool) *slog.Logger {
	if !terminal {
		return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: plainError}))
	}
	return slog.New(tint.NewHandler(w, &tint.Options{Level: level, TimeFormat: "15:04:05", NoColor: !colour, ReplaceAttr: forPeople}))
}

// plainError keeps errors to what they say: some print pages of stack traces
// when they are asked for all they have, which is how logfmt asks.
func plainError(_ []string, a slog.Attr) slog.Attr {
	if err, ok := a.Value.Any().(error); ok && err != nil {
		a.Value = slog.StringValue(err.Error())
	}
	return a
}

// forPeople shows the level only when it asks for attention, and messages without
// what could change the terminal. Attributes with such characters are quoted anyway.
func forPeople(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return plainError(groups, a)
	}
	if level, ok := a.Value.Any().(slog.Level); ok && a.Key == slog.LevelKey {
		const red, yellow, grey = 9, 11, 8
		switch {
		case level >= slog.LevelError:
			return tint.Attr(red, slog.String(a.Key, "error"))
		case level >= slog.LevelWarn:
			return tint.Attr(yellow, slog.String(a.Key, "warning"))
		case level < slog.LevelInfo:
			return tint.Attr(grey, slog.String(a.Key, "debug"))
		}
		return slog.Attr{}
	}
	if a.Key == slog.MessageKey {
		a.Value = slog.StringValue(safetext.Lines(a.Value.String()))
	}
	return plainError(groups, a)
}
