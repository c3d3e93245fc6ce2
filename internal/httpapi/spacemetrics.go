package httpapi

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/selfsame-id/selfsame/internal/space"
)

// spaceCollector shows the statistics of every open space at the moment of the
// question.
type spaceCollector struct{ spaces Spaces }

// spaceMetrics name the fields of space.Stats.
var spaceMetrics = []spaceMetric{
	counter("events_total", "Events stored since the start.", func(s *space.Stats) float64 { return float64(s.Events) }),
	counter("repeats_total", "Messages that were there already.", func(s *space.Stats) float64 { return float64(s.Repeats) }),
	counter("rejected_total", "Messages refused and kept aside.", func(s *space.Stats) float64 { return float64(s.Rejected) }),
	counter("unresolved_total", "Events stored without an ID that names anybody.", func(s *space.Stats) float64 { return float64(s.Unresolved) }),
	gauge("profiles", "Profiles in the store, users and accounts.", func(s *space.Stats) float64 { return float64(s.Profiles) }),
	gauge("strands", "Strands in the store.", func(s *space.Stats) float64 { return float64(s.Strands) }),
	counter("commits_total", "Commits to the store.", func(s *space.Stats) float64 { return float64(s.Commits) }),
	counter("conflicts_total", "Commits that met a change of another node.", func(s *space.Stats) float64 { return float64(s.Conflicts) }),
	counter("events_again_total", "Events decided again because another node changed what they depend on.", func(s *space.Stats) float64 { return float64(s.Again) }),
	counter("profiles_created_total", "Profiles created.", func(s *space.Stats) float64 { return float64(s.ProfilesCreated) }),
	counter("merges_total", "Profiles merged away.", func(s *space.Stats) float64 { return float64(s.Merges) }),
	counter("unmerges_total", "Profiles split off again.", func(s *space.Stats) float64 { return float64(s.Unmerges) }),
	counter("demotions_total", "External IDs left out of the graph by a rule.", func(s *space.Stats) float64 { return float64(s.Demotions) }),
	counter("replays_total", "Late events that had decisions made again.", func(s *space.Stats) float64 { return float64(s.Replays) }),
	counter("replayed_decisions_total", "Decisions made again.", func(s *space.Stats) float64 { return float64(s.ReplayedDecisions) }),
	gauge("pending_replays", "Replays that wait for the background job.", func(s *space.Stats) float64 { return float64(s.Pending) }),
	gauge("queue_bytes", "Event bytes waiting for a commit.", func(s *space.Stats) float64 { return float64(s.QueueBytes) }),
	gauge("warnings", "Warnings that nobody has dismissed; see GET /api/spaces/{space}/warnings.", func(s *space.Stats) float64 { return float64(s.Warnings) }),
	counter("strand_cache_hits_total", "Strands found in memory.", func(s *space.Stats) float64 { return float64(s.StrandCacheHits) }),
	counter("strand_cache_misses_total", "Strands read from the store.", func(s *space.Stats) float64 { return float64(s.StrandCacheMisses) }),
	gauge("dedupe_memory_bytes", "Memory of the filter of recent message IDs.", func(s *space.Stats) float64 { return float64(s.DedupeMemoryBytes) }),
	counter("dedupe_store_checks_total", "Message IDs looked up in the store.", func(s *space.Stats) float64 { return float64(s.DedupeStoreChecks) }),
	counter("commit_seconds_total", "Time spent in commits.", func(s *space.Stats) float64 { return s.CommitSeconds }),
	counter("plan_seconds_total", "Time spent in deciding what to commit.", func(s *space.Stats) float64 { return s.PlanSeconds }),
	counter("wait_seconds_total", "Time that deliveries waited for a commit.", func(s *space.Stats) float64 { return s.WaitSeconds }),
}

// How far computed traits and audiences are behind is read from the store.
var (
	behindCommits = describe("definitions_behind_commits", "Commits that computed traits and audiences were not evaluated for yet.")
	behindSeconds = describe("definitions_behind_seconds", "Age of the oldest commit that computed traits and audiences were not evaluated for yet.")
)

// behindTimeout bounds how long the store may take to answer.
const behindTimeout = 2 * time.Second

// collectBehind leaves out what the store does not tell.
func (c spaceCollector) collectBehind(ch chan<- prometheus.Metric, s Space) {
	ctx, cancel := context.WithTimeout(context.Background(), behindTimeout)
	defer cancel()
	b, err := s.DefinitionsBehind(ctx)
	if err != nil {
		return
	}
	ch <- prometheus.MustNewConstMetric(behindCommits, prometheus.GaugeValue, float64(b.Records), s.ID())
	ch <- prometheus.MustNewConstMetric(behindSeconds, prometheus.GaugeValue, b.Time.Seconds(), s.ID())
}

type spaceMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*space.Stats) float64
}

func counter(name, help string, value func(*space.Stats) float64) spaceMetric {
	return spaceMetric{describe(name, help), prometheus.CounterValue, value}
}

func gauge(name, help string, value func(*space.Stats) float64) spaceMetric {
	return spaceMetric{describe(name, help), prometheus.GaugeValue, value}
}

func describe(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("selfsame_space_"+name, help, []string{"space"}, nil)
}

// Describe implements prometheus.Collector.
func (c spaceCollector) Describe(ch chan<- *prometheus.Desc) {
	for i := range spaceMetrics {
		ch <- spaceMetrics[i].desc
	}
	ch <- behindCommits
	ch <- behindSeconds
}

// Collect implements prometheus.Collector.
func (c spaceCollector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.spaces.Opened() {
		stats := s.Stats()
		for i := range spaceMetrics {
			m := &spaceMetrics[i]
			ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&stats), s.ID())
		}
		c.collectBehind(ch, s)
	}
}
