package yardstick

import (
	"bytes"
	"net"
	"net/http"
)

// Answer is what the static server answers: 300 bytes.
var Answer = bytes.Repeat([]byte("static"), 50)

// ServeStatic answers every request with Answer until the listener is closed.
func ServeStatic(l net.Listener) error {
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(Answer)
	}))
}
