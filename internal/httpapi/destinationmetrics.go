package httpapi

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/selfsame-id/selfsame/internal/deliver"
)

// destinationCollector shows the figures of the destinations of every open space. Those
// of a space whose store does not answer are left out.
type destinationCollector struct {
	spaces Spaces
	now    func() time.Time
}

// figuresTime bounds how long the figures of one space are waited for.
const figuresTime = 2 * time.Second

var (
	destinationLabels  = []string{"space", "destination", "type"}
	destinationBacklog = prometheus.NewDesc("selfsame_destination_backlog", "Messages that wait to be delivered.", destinationLabels, nil)
	destinationOldest  = prometheus.NewDesc("selfsame_destination_oldest_seconds", "Age of the oldest message that waits; 0 if none does.", destinationLabels, nil)
	destinationStopped = prometheus.NewDesc("selfsame_destination_stopped", "1 while the destination is left alone until people enable it.", destinationLabels, nil)
	destinationFailed  = prometheus.NewDesc("selfsame_destination_failures_total", "Tries that failed.", destinationLabels, nil)
	destinationDone    = prometheus.NewDesc("selfsame_destination_messages_total",
		"What became of messages: delivered, replaced by something newer, or a dead letter: refused, dropped, unknown.", append(destinationLabels, "outcome"), nil)
)

// Describe implements prometheus.Collector.
func (c destinationCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{destinationBacklog, destinationOldest, destinationStopped, destinationFailed, destinationDone} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c destinationCollector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.spaces.Opened() {
		ctx, cancel := context.WithTimeout(context.Background(), figuresTime)
		figures, err := s.DestinationFigures(ctx)
		cancel()
		if err != nil {
			continue
		}
		for i := range figures {
			c.collect(ch, s.ID(), &figures[i])
		}
	}
}

func (c destinationCollector) collect(ch chan<- prometheus.Metric, space string, f *deliver.Figures) {
	level := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, space, f.Key, f.Type)
	}
	level(destinationBacklog, float64(f.Queued))
	age, stopped := 0.0, 0.0
	if f.Oldest != 0 {
		age = max(c.now().Sub(time.Unix(0, f.Oldest)).Seconds(), 0)
	}
	if f.Stopped {
		stopped = 1
	}
	level(destinationOldest, age)
	level(destinationStopped, stopped)
	ch <- prometheus.MustNewConstMetric(destinationFailed, prometheus.CounterValue, float64(f.Counts.Failures), space, f.Key, f.Type)
	for _, o := range []struct {
		name string
		n    int64
	}{
		{"delivered", f.Counts.Delivered}, {"replaced", f.Counts.Replaced}, {"refused", f.Counts.Refused},
		{"dropped", f.Counts.Dropped}, {"unknown", f.Counts.Unknown},
	} {
		ch <- prometheus.MustNewConstMetric(destinationDone, prometheus.CounterValue, float64(o.n), space, f.Key, f.Type, o.name)
	}
}
