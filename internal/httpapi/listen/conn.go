package listen

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Conn is a connection of a Listener.
type Conn struct {
	net.Conn
	l     *Listener
	extra bool

	waiting   atomic.Int64 // since when it waits for a request or its key, in nanoseconds; 0: it does not
	receiving atomic.Bool  // a body is on its way

	mu     sync.Mutex // of the read deadline
	cutoff time.Time

	wrote time.Time // when the write deadline was set last
	once  sync.Once
}

// Extra reports whether the connection is beyond the limit: it gets no work.
func (c *Conn) Extra() bool { return c != nil && c.extra }

// Wait says that the connection may be closed for another: it waits for a
// request, or its client has shown no key yet.
func (c *Conn) Wait() {
	if c != nil {
		c.waiting.Store(time.Now().UnixNano())
	}
}

// Work says that the connection has a request that is to be answered.
func (c *Conn) Work() {
	if c != nil {
		c.waiting.Store(0)
	}
}

// Receive says that a body is on its way, until done is called. Bodies are what
// a stop does not wait for.
func (c *Conn) Receive() {
	if c != nil {
		c.receiving.Store(true)
	}
}

// Received ends what Receive began.
func (c *Conn) Received() {
	if c != nil {
		c.receiving.Store(false)
	}
}

// SetReadDeadline sets the deadline, or an earlier one when reading ends.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.cutoff.IsZero() && c.reads() && (t.IsZero() || t.After(c.cutoff)) {
		t = c.cutoff
	}
	return c.Conn.SetReadDeadline(t)
}

// SetDeadline sets the deadline of reading; writing has its own.
func (c *Conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetWriteDeadline does nothing: an answer may take as long as its client goes
// on reading it.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }

// reads reports whether a request is on its way.
func (c *Conn) reads() bool { return c.receiving.Load() || c.waiting.Load() != 0 }

func (c *Conn) endReading(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cutoff = at
	if c.reads() {
		_ = c.Conn.SetReadDeadline(at)
	}
}

// writePiece is what a client has to take within the pause, at least.
const writePiece = 64 << 10

// Write writes as long as the client takes something.
func (c *Conn) Write(p []byte) (n int, err error) {
	for {
		piece := p[n:min(len(p), n+writePiece)]
		if now := time.Now(); now.Sub(c.wrote) > c.l.pause/8 {
			c.wrote = now
			if err := c.Conn.SetWriteDeadline(now.Add(c.l.pause)); err != nil {
				return n, err
			}
		}
		m, err := c.Conn.Write(piece)
		n += m
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				c.reset()
			}
			return n, err
		}
		if n == len(p) {
			return n, nil
		}
	}
}

// reset makes the kernel forget what it still holds for a client that does not
// read.
func (c *Conn) reset() {
	if tcp, ok := c.Conn.(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(0)
	}
}

// drop closes the connection for another one.
func (c *Conn) drop() {
	c.reset()
	_ = c.Close()
}

// Close closes the connection and gives its place back.
func (c *Conn) Close() error {
	c.once.Do(func() { c.l.forget(c) })
	return c.Conn.Close()
}
