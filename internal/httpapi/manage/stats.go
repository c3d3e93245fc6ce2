package manage

import (
	"context"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/space"
)

// Statistics counts.
type Statistics interface {
	Stats() space.Stats
	SourceCounts(ctx context.Context) (map[string]space.SourceCount, error)
}

// statsAnswer is space.Stats under the names of the API.
type statsAnswer struct {
	Events            int64      `json:"events"`
	Repeats           int64      `json:"repeats"`
	Rejected          int64      `json:"rejected"`
	Unresolved        int64      `json:"unresolved"`
	Profiles          int64      `json:"profiles"`
	Strands           int64      `json:"strands"`
	Commits           int64      `json:"commits"`
	Conflicts         int64      `json:"conflicts"`
	ProfilesCreated   int64      `json:"profiles_created"`
	Merges            int64      `json:"merges"`
	Unmerges          int64      `json:"unmerges"`
	Demotions         int64      `json:"demotions"`
	Replays           int64      `json:"replays"`
	ReplayedDecisions int64      `json:"replayed_decisions"`
	Pending           int64      `json:"pending"`
	CountedAt         *time.Time `json:"counted_at"`
	QueueBytes        int64      `json:"queue_bytes"`
	Warnings          int64      `json:"warnings"`
	StrandCacheHits   int64      `json:"strand_cache_hits"`
	StrandCacheMisses int64      `json:"strand_cache_misses"`
	DedupeMemoryBytes int64      `json:"dedupe_memory_bytes"`
	DedupeStoreChecks int64      `json:"dedupe_store_checks"`
	CommitSeconds     float64    `json:"commit_seconds"`
	PlanSeconds       float64    `json:"plan_seconds"`
	WaitSeconds       float64    `json:"wait_seconds"`
}

func (h *handler) stats(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	v := s.Stats()
	return ok(w, statsAnswer{
		Events: v.Events, Repeats: v.Repeats, Rejected: v.Rejected, Unresolved: v.Unresolved,
		Profiles: v.Profiles, Strands: v.Strands, Commits: v.Commits, Conflicts: v.Conflicts,
		ProfilesCreated: v.ProfilesCreated, Merges: v.Merges, Unmerges: v.Unmerges, Demotions: v.Demotions,
		Replays: v.Replays, ReplayedDecisions: v.ReplayedDecisions, Pending: v.Pending, CountedAt: answer.Time(v.CountedAt), QueueBytes: v.QueueBytes, Warnings: v.Warnings,
		StrandCacheHits: v.StrandCacheHits, StrandCacheMisses: v.StrandCacheMisses,
		DedupeMemoryBytes: v.DedupeMemoryBytes, DedupeStoreChecks: v.DedupeStoreChecks,
		CommitSeconds: v.CommitSeconds, PlanSeconds: v.PlanSeconds, WaitSeconds: v.WaitSeconds,
	})
}
