package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/pebblekv"
	"github.com/selfsame-id/selfsame/internal/kv/pgkv"
)

// storeMetrics shows what the store counts on /metrics; nil for a store that
// counts nothing.
func storeMetrics(store kv.Store) prometheus.Collector {
	switch s := store.(type) {
	case *pgkv.Store:
		return collector[pgkv.Stats]{s.Stats, sharedMetrics}
	case *pebblekv.Store:
		return collector[pebblekv.Stats]{s.Stats, embeddedMetrics}
	}
	return nil
}

var sharedMetrics = []storeMetric[pgkv.Stats]{
	count("commits_total", "Commits that the database acknowledged.", func(s *pgkv.Stats) int64 { return s.Commits }),
	count("conflicts_total", "Commits that met a change of another node.", func(s *pgkv.Stats) int64 { return s.Conflicts }),
	count("retries_total", "Statements made again by the store itself: deadlocks, rows in the hands of others, connections that were cut.", func(s *pgkv.Stats) int64 { return s.Retries }),
	count("round_trips_total", "Round trips to the database.", func(s *pgkv.Stats) int64 { return s.RoundTrips }),
	count("bytes_total", "Bytes of keys and values in acknowledged commits.", func(s *pgkv.Stats) int64 { return s.BytesIn }),
	level("connections", "Connections to the database that are open.", func(s *pgkv.Stats) int64 { return int64(s.Connections) }),
	level("readers_in_use", "Connections that readers hold now.", func(s *pgkv.Stats) int64 { return int64(s.ReadersInUse) }),
	level("readers_allowed", "Connections that readers may hold.", func(s *pgkv.Stats) int64 { return int64(s.ReadersAllowed) }),
	level("commits_in_use", "Connections that commits hold now.", func(s *pgkv.Stats) int64 { return int64(s.CommitsInUse) }),
	level("commits_allowed", "Connections that commits may hold.", func(s *pgkv.Stats) int64 { return int64(s.CommitsAllowed) }),
}

var embeddedMetrics = []storeMetric[pebblekv.Stats]{
	count("commits_total", "Commits that are on disk.", func(s *pebblekv.Stats) int64 { return s.Commits }),
	count("bytes_total", "Bytes of keys and values in acknowledged commits.", func(s *pebblekv.Stats) int64 { return s.BytesIn }),
	count("stalls_total", "Times that commits were held back until the disk had caught up.", func(s *pebblekv.Stats) int64 { return s.Stalls }),
	level("disk_bytes", "Bytes of all files of the store.", func(s *pebblekv.Stats) int64 { return s.DiskBytes }),
	level("free_bytes", "Bytes left on its file system; -1 if not known.", func(s *pebblekv.Stats) int64 { return s.FreeBytes }),
	level("compaction_debt_bytes", "Estimated bytes that wait to be compacted.", func(s *pebblekv.Stats) int64 { return s.CompactionDebt }),
	level("snapshots", "States that readers hold open.", func(s *pebblekv.Stats) int64 { return int64(s.Snapshots) }),
	level("full", "1 while no commits are taken for want of room.", func(s *pebblekv.Stats) int64 { return truth(s.Full) }),
	level("failed", "1 once no commits are taken until a restart.", func(s *pebblekv.Stats) int64 { return truth(s.Failed) }),
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

type storeMetric[S any] struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*S) int64
}

func count[S any](name, help string, value func(*S) int64) storeMetric[S] {
	return storeMetric[S]{prometheus.NewDesc("selfsame_store_"+name, help, nil, nil), prometheus.CounterValue, value}
}

func level[S any](name, help string, value func(*S) int64) storeMetric[S] {
	return storeMetric[S]{prometheus.NewDesc("selfsame_store_"+name, help, nil, nil), prometheus.GaugeValue, value}
}

// collector is a prometheus.Collector of a store's figures.
type collector[S any] struct {
	stats   func() S
	metrics []storeMetric[S]
}

func (c collector[S]) Describe(ch chan<- *prometheus.Desc) {
	for i := range c.metrics {
		ch <- c.metrics[i].desc
	}
}

func (c collector[S]) Collect(ch chan<- prometheus.Metric) {
	stats := c.stats()
	for i := range c.metrics {
		m := &c.metrics[i]
		ch <- prometheus.MustNewConstMetric(m.desc, m.kind, float64(m.value(&stats)))
	}
}
