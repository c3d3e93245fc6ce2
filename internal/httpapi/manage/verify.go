package manage

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// Verifier compares what is stored with what it should be.
type Verifier interface {
	Verify(ctx context.Context, progress space.Progress) (query.VerifyReport, error)
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
			_ = lines.Encode(api.ProgressLine{Progress: &api.Progress{Stage: stage, Done: done, Total: total}})
			_ = control.Flush()
		}
	})
	mu.Lock()
	defer mu.Unlock()
	if err != nil {
		// The status is sent already; the last line says it.
		_ = lines.Encode(api.ProgressLine{Error: answer.Prepare(w, r, h.Log, err).Line()})
		return nil
	}
	_ = lines.Encode(api.ProgressLine{Report: api.VerifyReport{Events: report.Events, Strands: report.Strands, Profiles: report.Profiles, Traits: report.Traits,
		Pending: report.Pending, Damaged: report.Damaged, Differences: append([]query.Difference{}, report.Differences...), Truncated: report.Truncated, Lost: append([]api.Loss{}, h.losses()...)}})
	return nil
}
