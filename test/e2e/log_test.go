package e2e

import (
	"log"
	"strings"
	"testing"
)

// testLog makes a logger that writes into the log of a test.
func testLog(t testing.TB) *log.Logger { return log.New(logWriter{t}, "", 0) }

type logWriter struct{ t testing.TB }

func (w logWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimRight(string(b), "\n"))
	return len(b), nil
}
