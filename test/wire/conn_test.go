package wire_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/test/wire"
)

// The server here is net/http's: what it writes is what the client must read.
func TestConnReadsWhatServersWrite(t *testing.T) {
	long := strings.Repeat("long ", 20_000)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	})
	mux.HandleFunc("GET /long", func(w http.ResponseWriter, _ *http.Request) {
		for part := range strings.SplitAfterSeq(long, " ") {
			_, _ = io.WriteString(w, part)
		}
	})
	mux.HandleFunc("GET /busy", func(w http.ResponseWriter, r *http.Request) {
		user, _, _ := r.BasicAuth()
		w.Header().Set("Retry-After", "7")
		http.Error(w, "busy "+user, http.StatusServiceUnavailable)
	})
	mux.HandleFunc("GET /empty", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /last", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	srv := httptest.NewServer(mux)
	defer srv.Close()
	addr := srv.Listener.Addr().String()

	c, err := wire.Dial(addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, tc := range []struct {
		path, auth, body string
		want             wire.Response
		text             string
	}{
		{"/echo", "", "hello", wire.Response{Status: 200}, "hello"},
		{"/echo", "", long, wire.Response{Status: 200}, long},
		{"/long", "", "", wire.Response{Status: 200}, long},
		{"/busy", wire.Basic("jane"), "", wire.Response{Status: 503, RetryAfter: "7"}, "busy jane\n"},
		{"/empty", "", "", wire.Response{Status: 204}, ""},
		{"/nowhere", "", "", wire.Response{Status: 404}, "404 page not found\n"},
		{"/last", "", "", wire.Response{Status: 200, Close: true}, ""},
	} {
		var body []byte
		if tc.body != "" {
			body = []byte(tc.body)
		}
		got, err := c.Do(wire.AppendRequest(nil, addr, tc.path, tc.auth, body))
		if err != nil {
			t.Fatalf("%s: %v", tc.path, err)
		}
		if got.Status != tc.want.Status || got.RetryAfter != tc.want.RetryAfter || got.Close != tc.want.Close || string(got.Body) != tc.text {
			t.Errorf("%s: got %d, Retry-After %q, close %v, %d bytes; want %d, %q, %v, %d bytes", tc.path,
				got.Status, got.RetryAfter, got.Close, len(got.Body), tc.want.Status, tc.want.RetryAfter, tc.want.Close, len(tc.text))
		}
	}
	if _, err := c.Do(wire.AppendRequest(nil, addr, "/echo", "", []byte("x"))); err == nil {
		t.Error("a connection that the server closed answered")
	}
}
