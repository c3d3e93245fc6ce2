// Package openapi holds the document of the management API and the Profile API,
// for people, for generators of clients, and for the test that holds the
// handlers to it.
package openapi

import (
	_ "embed" // of the document
	"net/http"
)

// Document is the API in OpenAPI 3.1, YAML.
//
//go:embed openapi.yaml
var Document []byte

// Serve answers with the document. It holds no secret, so it needs no token.
func Serve(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(Document) // a client that left needs no answer
}
