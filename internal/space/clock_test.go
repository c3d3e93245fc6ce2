package space_test

import (
	"sync/atomic"
	"time"
)

// handClock is moved by a test while the space reads it from work of its own.
type handClock struct{ ns atomic.Int64 }

func clockAt(t time.Time) *handClock {
	c := &handClock{}
	c.ns.Store(t.UnixNano())
	return c
}

func (c *handClock) Now() time.Time { return time.Unix(0, c.ns.Load()).UTC() }

func (c *handClock) Add(d time.Duration) { c.ns.Add(int64(d)) }

func (c *handClock) UnixNano() int64 { return c.ns.Load() }
