package wire_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/test/wire"
)

func TestDeliverSendsAgain(t *testing.T) {
	var asked atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("POST /busy", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch asked.Add(1) {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusTooManyRequests)
		default:
			_, _ = w.Write(body)
		}
	})
	mux.HandleFunc("POST /never", func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	mux.HandleFunc("POST /bad", func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusBadRequest)
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	addr := srv.Listener.Addr().String()
	c, err := wire.Dial(addr, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	for _, tc := range []struct {
		path   string
		status int
		body   string
		asked  int32
	}{
		{"/busy", 200, "hello", 3},
		{"/bad", 400, "", 1},
		{"/never", 503, "", 60},
	} {
		asked.Store(0)
		r, err := c.Deliver(wire.AppendRequest(nil, addr, tc.path, "", []byte("hello")))
		if err != nil || r.Status != tc.status || string(r.Body) != tc.body || asked.Load() != tc.asked {
			t.Errorf("%s: %d %q after %d tries (%v), want %d %q after %d", tc.path, r.Status, r.Body, asked.Load(), err, tc.status, tc.body, tc.asked)
		}
	}
}

func TestPause(t *testing.T) {
	for after, want := range map[string]time.Duration{
		"": 50 * time.Millisecond, "0": 50 * time.Millisecond, "soon": 50 * time.Millisecond, "2": 2 * time.Second, "3600": 10 * time.Second,
	} {
		if got := wire.Pause(after); got != want {
			t.Errorf("Retry-After %q: %v, want %v", after, got, want)
		}
	}
}
