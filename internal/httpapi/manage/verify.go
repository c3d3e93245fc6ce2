package manage

import (
	"net/http"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/space"
)

// progressLine is a line of a long answer. The last line has the report or the
// error.
type progressLine struct {
	Progress *progress `json:"progress,omitempty"`
	Report   any       `json:"report,omitempty"`
	Error    any       `json:"error,omitempty"`
}

type progress struct {
	Stage string `json:"stage"`
	Done  int64  `json:"done"`
	Total int64  `json:"total"` // 0: not known
}

type verifyAnswer struct {
	Events      int64              `json:"events"`
	Strands     int64              `json:"strands"`
	Profiles    int64              `json:"profiles"`
	Traits      int64              `json:"traits"`
	Pending     int64              `json:"pending"`
	Damaged     int64              `json:"damaged"`
	Differences []space.Difference `json:"differences"`
	Truncated   bool               `json:"truncated"`
	Lost        []Loss             `json:"lost"` // what starts found missing
}

// progressEvery is how often a line of progress is sent. It keeps proxies from
// taking the connection for dead.
const progressEvery = 500 * time.Millisecond

// verify resolves everything again by the batch function and answers with lines
// of JSON: progress now and then, at last the report.
func (h *handler) verify(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)

	var mu sync.Mutex // Verify may report from several goroutines
	var last time.Time
	lines := answer.Lines(w)
	report, err := s.Verify(r.Context(), func(stage string, done, total int64) {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); now.Sub(last) >= progressEvery {
			last = now
			_ = lines.Encode(progressLine{Progress: &progress{stage, done, total}})
			_ = control.Flush()
		}
	})
	mu.Lock()
	defer mu.Unlock()
	if err != nil {
		// The status is sent already; the last line says it.
		_ = lines.Encode(progressLine{Error: answer.Prepare(w, r, h.Log, err).Line()})
		return nil
	}
	_ = lines.Encode(progressLine{Report: verifyAnswer{report.Events, report.Strands, report.Profiles, report.Traits,
		report.Pending, report.Damaged, append([]space.Difference{}, report.Differences...), report.Truncated, append([]Loss{}, h.losses()...)}})
	return nil
}
