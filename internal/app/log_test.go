package app

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestLinesForPeople(t *testing.T) {
	var out bytes.Buffer
	log := NewLogger(&out, slog.LevelInfo, true, false)
	log.Debug("not shown")
	log.With("space", "dev").WithGroup("store").Warn("disk is nearly full", "free", 12, "why", errors.New("no space left"))
	line := out.String()
	if _, rest, _ := strings.Cut(line, " "); rest != `warning disk is nearly full space=dev store.free=12 store.why="no space left"`+"\n" {
		t.Errorf("got %q", line)
	}
	if strings.Contains(line, "\x1b") {
		t.Error("coloured without being asked")
	}
	out.Reset()
	NewLogger(&out, slog.LevelInfo, true, true).Error("it broke")
	if !strings.Contains(out.String(), "\x1b[91merror\x1b[0m") {
		t.Errorf("got %q", out.String())
	}
	out.Reset()
	log.Info("it\x1b[2Jcame", "from", "a\x1b[2J\u202eb")
	if text := out.String(); strings.ContainsAny(text, "\x1b\u202e") || strings.Contains(text, "INF") || strings.Count(text, "\n") != 1 {
		t.Errorf("got %q", text)
	}
}

func TestLinesForPrograms(t *testing.T) {
	var out bytes.Buffer
	NewLogger(&out, slog.LevelInfo, false, false).Info("listening", "url", "http://x")
	if !strings.Contains(out.String(), `level=INFO msg=listening url=http://x`) {
		t.Errorf("got %q", out.String())
	}
}
