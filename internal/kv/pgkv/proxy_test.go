package pgkv

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
)

// proxy stands between a store and its server and cuts connections.
type proxy struct {
	addr   string
	server string

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	// cut is asked, for bytes from the client (up) or the server, whether to cut
	// the connection instead of passing them on.
	cut func(up bool, data []byte) bool
}

func startProxy(t *testing.T, port int) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String(), server: fmt.Sprintf("127.0.0.1:%d", port), conns: map[net.Conn]struct{}{}}
	t.Cleanup(func() {
		l.Close()
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

func (p *proxy) serve(client net.Conn) {
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

func (p *proxy) pass(to io.Writer, from io.Reader, up bool, end func()) {
	defer end()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			p.mu.Lock()
			cut := p.cut
			p.mu.Unlock()
			if cut != nil && cut(up, buf[:n]) {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *proxy) when(cut func(up bool, data []byte) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
}

func (p *proxy) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}
