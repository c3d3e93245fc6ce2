package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/test/wire"
)

// narrow makes a site whose server may open that many files only.
func narrow(t testing.TB, files int) *site {
	s := boundedSite(t)
	script := filepath.Join(t.TempDir(), "selfsame")
	text := fmt.Sprintf("#!/bin/sh\nulimit -n %d\nexec %s \"$@\"\n", files, s.binary)
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	s.binary = script
	return s
}

// At the limit of connections those that wait make room: nobody is kept out by
// connections that say nothing, that never end their header, or whose body never
// comes.
func TestConnectionsAtTheLimit(t *testing.T) {
	s := narrow(t, 400) // 200 connections
	p := s.start(t)
	post := func(key string) string {
		return fmt.Sprintf("POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: %s\r\nContent-Length: 400000\r\n\r\n{", wire.Basic(key))
	}
	for _, test := range []struct {
		name, begin string
	}{
		{"nothing", ""},
		{"half a header", "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "},
		{"a body without a key", post("wk_wrong")},
		{"a body with a good key", post(keyOf("dev"))}, // they work, as far as one can see
	} {
		t.Run(test.name, func(t *testing.T) {
			name, begin := test.name, test.begin
			for range 300 {
				c, err := wire.Dial(p.Addr, patience)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = c.Close() })
				_ = c.Send([]byte(begin)) // it may have had to make room already
			}
			began := time.Now()
			for _, path := range []string{"/healthz", "/readyz"} {
				c, err := wire.Dial(p.Addr, patience)
				if err != nil {
					t.Fatal(err)
				}
				if r, err := c.Do(wire.AppendRequest(nil, "127.0.0.1", path, "", nil)); err != nil || r.Status != 200 {
					t.Errorf("%s: %d, %v", path, r.Status, err)
				}
				_ = c.Close()
			}
			if begin != post(keyOf("dev")) {
				p.send(t, "dev", "/v1/track", trackOf("ruth", name))
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
	p.within(t, mostMemory)
	p.stop(t)
	s.verify(t)
}
