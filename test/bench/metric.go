package main

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/test/instance"
)

// metric reads one value of /metrics, of the only space.
func metric(p *instance.Process, name string) (float64, error) {
	resp, err := http.Get(p.URL("/metrics"))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok && (rest[0] == ' ' || rest[0] == '{') {
			f := strings.Fields(line)
			return strconv.ParseFloat(f[len(f)-1], 64)
		}
	}
	return 0, fmt.Errorf("/metrics has no %s", name)
}

// goMemory is what Go's runtime has of the system, garbage included.
func goMemory(p *instance.Process) (int64, error) {
	all, err := metric(p, "go_memstats_sys_bytes")
	if err != nil {
		return 0, err
	}
	back, err := metric(p, "go_memstats_heap_released_bytes")
	return int64(all - back), err
}
