package app

import (
	"os"
	"runtime/debug"

	"github.com/selfsame-id/selfsame/internal/config"
)

// spareGarbage lets garbage grow larger than Go does by default, for a commit
// makes a lot of it and half of a small heap is collected again and again; near
// the limit the collector works as hard as it must. GOGC and GOMEMLIMIT, if set,
// have the say.
func spareGarbage(memory config.Bytes) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(300)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(memory) * 2)
	}
}
