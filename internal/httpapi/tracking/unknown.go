package tracking

import (
	"bytes"
	"net/http"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/event"
)

// unknown keeps that a request came with a write key of no source. library is what
// its message says about the SDK; "": the User-Agent says it.
func (h *handler) unknown(r *http.Request, key, library string) {
	address := r.RemoteAddr
	if a := h.Proxies.Address(r); a.IsValid() {
		address = a.String()
	}
	if library == "" {
		library = r.UserAgent()
	}
	h.Sources.NoteUnknownKey(catalog.Knock{Key: key, Address: address, SDK: library})
}

// library is the SDK that made a message: the first `library` near the beginning
// of the text.
func (f *keyFinder) library() string {
	_, after, _ := bytes.Cut(f.head, []byte(`"library"`))
	after = bytes.TrimLeft(after, ": \t\r\n")
	name, _ := event.Text(event.Lookup(after, "name"))
	version, _ := event.Text(event.Lookup(after, "version"))
	if name == "" || version == "" {
		return name
	}
	return name + " " + version
}

// firstOf is the first text that is not empty.
func firstOf(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}
