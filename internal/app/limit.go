package app

import (
	"net"
	"sync"
	"syscall"
)

// connections is how many connections are open at once: beyond that new ones
// wait in the kernel's queue. Half of the files that the process may have open
// are left to the store.
func connections() int {
	const most = 16384
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil || lim.Cur/2 > most {
		return most
	}
	return max(int(lim.Cur/2), 16)
}

// limitListener accepts up to a number of connections at once.
type limitListener struct {
	net.Listener
	places chan struct{}
	done   chan struct{}
	once   sync.Once
}

func newLimitListener(l net.Listener, n int) *limitListener {
	return &limitListener{Listener: l, places: make(chan struct{}, n), done: make(chan struct{})}
}

// Accept waits for a place and then for a connection.
func (l *limitListener) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.done:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &limitConn{Conn: c, leave: sync.OnceFunc(func() { <-l.places })}, nil
}

// Close ends a waiting Accept.
func (l *limitListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

type limitConn struct {
	net.Conn
	leave func()
}

// Close gives the place back.
func (c *limitConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
