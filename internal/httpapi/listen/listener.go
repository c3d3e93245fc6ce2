package listen

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// reserve is how many connections are taken beyond the limit when all others
// are at work. Their requests are refused, except for questions about health.
const reserve = 64

// Listener takes up to a number of connections at once. At the limit the one
// that has waited longest for a request is closed for a new one.
type Listener struct {
	net.Listener
	most  int
	pause time.Duration

	mu    sync.Mutex
	open  map[*Conn]struct{}
	ends  time.Time     // when reading ends; zero: it goes on
	freed chan struct{} // something was closed
	done  chan struct{}
	once  sync.Once
}

// New makes a listener for most connections. pause is how long a client may read
// nothing of an answer.
func New(l net.Listener, most int, pause time.Duration) *Listener {
	return &Listener{Listener: l, most: most, pause: pause, open: map[*Conn]struct{}{}, freed: make(chan struct{}, 1), done: make(chan struct{})}
}

// Serve makes a server know the states of its connections.
func Serve(s *http.Server) {
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, key{}, c)
	}
	s.ConnState = func(c net.Conn, state http.ConnState) {
		if own, ok := c.(*Conn); ok && state == http.StateIdle {
			own.Wait()
		}
	}
}

type key struct{}

// From is the connection of a request; nil when another listener took it, which
// all methods of Conn that are not net.Conn's understand.
func From(ctx context.Context) *Conn {
	c, _ := ctx.Value(key{}).(*Conn)
	return c
}

// Accept returns the next connection.
func (l *Listener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &Conn{Conn: raw, l: l}
	c.Wait()
	for {
		victim, ok := l.admit(c)
		if victim != nil {
			victim.drop()
		}
		if ok {
			return c, nil
		}
		if victim == nil {
			select {
			case <-l.freed:
			case <-l.done:
				_ = raw.Close()
				return nil, net.ErrClosed
			}
		}
	}
}

// admit takes a connection in if there is a place for it. victim is the one that
// makes room.
func (l *Listener) admit(c *Conn) (victim *Conn, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) >= l.most {
		if victim = l.oldest(); victim != nil {
			delete(l.open, victim)
		}
	}
	if len(l.open) >= l.most+reserve {
		return victim, false
	}
	c.extra = len(l.open) >= l.most
	l.open[c] = struct{}{}
	c.cutoff = l.ends // nobody else knows it yet
	return victim, true
}

// sample is how many connections are looked at to find one that waits long. To
// look at all of them for each new one would be the attack's best help.
const sample = 128

// oldest finds the connection that has waited longest among some of them, or
// one among all; nil when none waits.
func (l *Listener) oldest() *Conn {
	var found *Conn
	var since int64
	n := 0
	for c := range l.open { // from a random place on
		if at := c.waiting.Load(); at != 0 && (found == nil || at < since) {
			found, since = c, at
		}
		if n++; n >= sample && found != nil {
			break
		}
	}
	return found
}

// EndReading lets connections bring what they are bringing for a while longer,
// and then no more: for a server that stops. What is being worked on or answered
// is not touched.
func (l *Listener) EndReading(in time.Duration) {
	at := time.Now().Add(in)
	l.mu.Lock()
	l.ends = at
	all := make([]*Conn, 0, len(l.open))
	for c := range l.open {
		all = append(all, c)
	}
	l.mu.Unlock()
	for _, c := range all {
		c.endReading(at)
	}
}

// Close ends a waiting Accept.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

func (l *Listener) forget(c *Conn) {
	l.mu.Lock()
	delete(l.open, c)
	l.mu.Unlock()
	select {
	case l.freed <- struct{}{}:
	default:
	}
}
