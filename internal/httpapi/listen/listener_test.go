package listen

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// site is a server behind a listener for most connections.
func site(t *testing.T, most int, pause time.Duration, h http.HandlerFunc) *Listener {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := New(inner, most, pause)
	s := &http.Server{Handler: h}
	Serve(s)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return l
}

func dial(t *testing.T, l *Listener) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
	return c
}

func ask(t *testing.T, c net.Conn) string {
	t.Helper()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		return ""
	}
	b := make([]byte, 4096)
	n, _ := c.Read(b)
	return string(b[:n])
}

// Whoever waits makes room for whoever comes, the longest first; whoever works
// does not, and beyond the limit there is room for questions.
func TestThoseWhoWaitMakeRoom(t *testing.T) {
	working, end := make(chan struct{}, 10), make(chan struct{})
	l := site(t, 3, time.Second, func(w http.ResponseWriter, r *http.Request) {
		c := From(r.Context())
		c.Work()
		if c.Extra() {
			_, _ = io.WriteString(w, "extra")
			return
		}
		if r.URL.Path == "/work" {
			working <- struct{}{}
			<-end
		}
		_, _ = io.WriteString(w, "done")
	})
	first := dial(t, l)
	time.Sleep(20 * time.Millisecond)
	slow := dial(t, l)
	_, _ = io.WriteString(slow, "GET / HTTP/1.1\r\nHos") // the rest never comes
	time.Sleep(20 * time.Millisecond)
	used := dial(t, l)
	if got := ask(t, used); !strings.HasSuffix(got, "done") {
		t.Fatalf("got %q", got)
	}
	fourth, fifth := dial(t, l), dial(t, l)
	for _, c := range []net.Conn{first, slow} {
		if n, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%d bytes, %v on a connection that had to make room", n, err)
		}
	}
	for _, c := range []net.Conn{fourth, fifth, used} {
		if got := ask(t, c); !strings.HasSuffix(got, "done") {
			t.Errorf("got %q", got)
		}
	}
	for _, c := range []net.Conn{fourth, fifth, used} {
		if _, err := io.WriteString(c, "GET /work HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		<-working
	}
	for range 5 {
		if got := ask(t, dial(t, l)); !strings.HasSuffix(got, "extra") {
			t.Errorf("beside connections at work: %q", got)
		}
	}
	close(end)
	for _, c := range []net.Conn{fourth, fifth, used} {
		b, _ := io.ReadAll(io.LimitReader(c, 10))
		if !strings.HasPrefix(string(b), "HTTP/1.1 2") {
			t.Errorf("who was at work got %q", b)
		}
	}
}

// Whoever reads nothing is cut off; whoever reads slowly is not, however long
// it takes.
func TestReadersAreCutOffByProgress(t *testing.T) {
	const size, pause = 24 << 20, 300 * time.Millisecond
	ended := make(chan error, 2)
	l := site(t, 10, pause, func(w http.ResponseWriter, _ *http.Request) {
		_, err := w.Write(make([]byte, size))
		ended <- err
	})
	dead := dial(t, l)
	_, _ = io.WriteString(dead, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	began := time.Now()
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a client that does not read: %v after %v", err, time.Since(began))
	}
	slow := dial(t, l)
	_, _ = io.WriteString(slow, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	began = time.Now()
	total := 0
	for b := make([]byte, 1<<20); ; time.Sleep(40 * time.Millisecond) {
		n, err := io.ReadFull(slow, b)
		total += n
		if err != nil {
			break
		}
	}
	if took := time.Since(began); total < size || took < 2*pause {
		t.Errorf("a slow reader got %d bytes in %v", total, took)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A stop ends what is still on its way, not what is being worked on.
func TestReadingEnds(t *testing.T) {
	received, end := make(chan error, 1), make(chan struct{})
	working := make(chan struct{}, 2)
	l := site(t, 10, time.Second, func(w http.ResponseWriter, r *http.Request) {
		c := From(r.Context())
		c.Work()
		working <- struct{}{}
		if r.Method == http.MethodPost {
			c.Receive()
			_, err := io.ReadAll(r.Body)
			c.Received()
			received <- err
			return
		}
		select {
		case <-end:
			_, _ = io.WriteString(w, "done")
		case <-r.Context().Done():
			_, _ = io.WriteString(w, "cancelled")
		}
	})
	worker, sender, idle := dial(t, l), dial(t, l), dial(t, l)
	_, _ = io.WriteString(worker, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	_, _ = io.WriteString(sender, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nbegin")
	<-working
	<-working
	time.Sleep(20 * time.Millisecond)
	l.EndReading(50 * time.Millisecond)
	if err := <-received; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a body that does not come ends with %v", err)
	}
	if _, err := idle.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("an idle connection: %v", err)
	}
	close(end)
	b := make([]byte, 4096)
	if n, _ := worker.Read(b); !strings.HasSuffix(string(b[:n]), "done") {
		t.Errorf("what was worked on got %q", b[:n])
	}
}

func TestNoConnection(t *testing.T) {
	c := From(context.Background())
	c.Wait()
	c.Work()
	c.Receive()
	c.Received()
	if c.Extra() {
		t.Error("extra")
	}
}
