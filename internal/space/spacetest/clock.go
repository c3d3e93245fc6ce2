package spacetest

import (
	"sync/atomic"
	"time"
)

// Clock is moved by a test while the space reads it from work of its own.
type Clock struct{ ns atomic.Int64 }

// ClockAt is a clock that shows a time.
func ClockAt(t time.Time) *Clock {
	c := &Clock{}
	c.ns.Store(t.UnixNano())
	return c
}

// Now is the time that the clock shows, in UTC.
func (c *Clock) Now() time.Time { return time.Unix(0, c.ns.Load()).UTC() }

// Add moves the clock.
func (c *Clock) Add(d time.Duration) { c.ns.Add(int64(d)) }

// UnixNano is Now in nanoseconds since 1970.
func (c *Clock) UnixNano() int64 { return c.ns.Load() }
