package app

import (
	"errors"
	"net"
	"testing"
	"time"
)

func TestConnectionsWaitForAPlace(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newLimitListener(inner, 2)
	accepted := make(chan net.Conn, 10)
	ended := make(chan error, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				ended <- err
				return
			}
			accepted <- c
		}
	}()
	var clients []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
	}
	first, second := <-accepted, <-accepted
	select {
	case <-accepted:
		t.Fatal("a third connection was accepted beside two")
	case <-time.After(30 * time.Millisecond):
	}
	// Closing twice gives back one place.
	first.Close()
	first.Close()
	third := <-accepted
	go func() { time.Sleep(10 * time.Millisecond); l.Close() }()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("a waiting Accept ends with %v", err)
	}
	for _, c := range append(clients, second, third) {
		c.Close()
	}
}

func TestSharesOfMemory(t *testing.T) {
	const memory = 768 << 20
	for _, n := range []int{0, 1, 2, 10} {
		s := spaceShare(memory, n)
		if total := storeShare(memory) + int64(max(n, 1))*(s.cache+s.dedupe); total > memory || total < memory*9/10 {
			t.Errorf("%d spaces get %d bytes together", n, total)
		}
	}
	if s := spaceShare(64<<20, 1000); s.cache < leastShare || s.dedupe < leastShare {
		t.Errorf("too little to work: %+v", s)
	}
}

func TestAddressesForPeople(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:8080": "http://127.0.0.1:8080",
		"0.0.0.0:80":     "http://localhost:80",
		"[::]:8080":      "http://localhost:8080",
		"[::1]:8080":     "http://[::1]:8080",
	} {
		a, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if got := urlOf(a); got != want {
			t.Errorf("%s is %s", address, got)
		}
	}
}
