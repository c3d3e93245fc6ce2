package space

import (
	"testing"
	"testing/synctest"
	"time"
)

// A space is busy while more than so many events a second come, and for how long is
// counted from when they began.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Space{}
		p := s.Pace()
		for i, step := range []struct {
			after  time.Duration
			events int64
			want   time.Duration
		}{
			{time.Second, 0, 0},
			{time.Second, busyRate, 0},
			{time.Second, busyRate + 1, time.Second},
			{10 * time.Second, 20 * busyRate, 11 * time.Second},
			{10 * time.Second, 9 * busyRate, 0},
			{time.Millisecond, 100, time.Millisecond},
			{0, 0, 0},
		} {
			time.Sleep(step.after)
			s.stats.events.Add(step.events)
			if got := p.Busy(); got != step.want {
				t.Errorf("step %d: busy for %v, want %v", i, got, step.want)
			}
		}
	})
}
