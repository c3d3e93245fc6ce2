package pgtest

import (
	"bytes"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy stands between clients and a server: it cuts their connections at the
// worst moments, answers late, or not at all for a while.
type Proxy struct {
	Addr string

	server string

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	judge func(up bool, data []byte) Verdict
	late  time.Duration
	held  chan struct{} // closed when bytes pass again; nil: they pass
}

// Verdict is what becomes of bytes and of the connection that they came over.
type Verdict int

const (
	Pass     Verdict = iota
	Cut              // the bytes get lost with the connection
	CutAfter         // the bytes arrive, and nothing after them
)

// StartProxy starts a proxy before a server on the loopback. It ends with the
// test.
func StartProxy(tb testing.TB, port int) *Proxy {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{Addr: l.Addr().String(), server: fmt.Sprintf("127.0.0.1:%d", port), conns: map[net.Conn]struct{}{}}
	tb.Cleanup(func() {
		l.Close()
		p.Release()
		p.cutAll()
	})
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	return p
}

// Judge has f decide about bytes from a client (up) or from the server; nil:
// all pass. f is called by many goroutines at once.
func (p *Proxy) Judge(f func(up bool, data []byte) Verdict) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.judge = f
}

// Delay makes each answer of the server late.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.late = d
}

// Hold keeps all bytes back until Release, as a server does that stands still:
// the kernel takes connections and what is sent, and nobody answers.
func (p *Proxy) Hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil {
		p.held = make(chan struct{})
	}
}

// Release lets the bytes pass that Hold kept back.
func (p *Proxy) Release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held != nil {
		close(p.held)
		p.held = nil
	}
}

// IsCommit reports whether bytes from a client send a COMMIT on its way.
func IsCommit(data []byte) bool {
	at := bytes.Index(data, commitName)
	// At the beginning of a connection the statement is prepared by this name.
	return at >= 0 && !bytes.HasPrefix(data[at+len(commitName):], []byte("COMMIT"))
}

// commitName is how pgkv calls its prepared COMMIT, as it stands on the wire.
var commitName = []byte("\x00selfsame_commit\x00")

// IsCommitted reports whether bytes from the server answer a COMMIT.
func IsCommitted(data []byte) bool { return bytes.Contains(data, []byte("COMMIT\x00")) }

func (p *Proxy) serve(client net.Conn) {
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		client.Close()
		return
	}
	p.mu.Lock()
	p.conns[client], p.conns[server] = struct{}{}, struct{}{}
	p.mu.Unlock()
	end := func() {
		client.Close()
		server.Close()
		p.mu.Lock()
		delete(p.conns, client)
		delete(p.conns, server)
		p.mu.Unlock()
	}
	go p.pass(server, client, true, end)
	p.pass(client, server, false, end)
}

func (p *Proxy) pass(to, from net.Conn, up bool, end func()) {
	defer end()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			p.mu.Lock()
			judge, late, held := p.judge, p.late, p.held
			p.mu.Unlock()
			if held != nil {
				<-held
			}
			if late > 0 && !up {
				time.Sleep(late)
			}
			verdict := Pass
			if judge != nil {
				verdict = judge(up, buf[:n])
			}
			if verdict == Cut {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil || verdict == CutAfter {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *Proxy) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}
