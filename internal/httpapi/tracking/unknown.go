package tracking

import (
	"net"
	"net/http"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/event"
)

// unknown keeps that a request came with a write key of no source. library is what
// its message says about the SDK; "": the User-Agent says it.
func (h *handler) unknown(r *http.Request, key, library string) {
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	if library == "" {
		library = r.UserAgent()
	}
	h.Sources.NoteUnknownKey(catalog.Knock{Key: key, Address: address, SDK: library})
}

// library is the SDK that made a message: context.library of the first one.
func (in *intake) library() string {
	if len(in.messages) == 0 {
		return ""
	}
	lib := event.Lookup(event.Lookup(in.messages[0].Body, "context"), "library")
	name, _ := event.Text(event.Lookup(lib, "name"))
	version, _ := event.Text(event.Lookup(lib, "version"))
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
