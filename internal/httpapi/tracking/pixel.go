package tracking

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
)

// gif is one transparent pixel: GIF89a, a palette of two colours of which the
// first is transparent, one row of one pixel.
var gif = []byte("GIF89a" +
	"\x01\x00\x01\x00\x80\x00\x00" + // 1×1, palette of two
	"\x00\x00\x00\xff\xff\xff" +
	"!\xf9\x04\x01\x00\x00\x00\x00" + // colour 0 is transparent
	",\x00\x00\x00\x00\x01\x00\x01\x00\x00" +
	"\x02\x02D\x01\x00" + // the pixel, compressed
	";")

// pixel takes a message from the address of an image, for e-mails and pages
// without scripts. Whatever becomes of it the answer is an image: nobody would
// read anything else. Only when the server cannot take the message does the
// status say so, for proxies that try again.
func (h *handler) pixel(t event.Type) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusOK
		if r.Method == http.MethodGet {
			if err := h.fromPixel(r, t); err != nil {
				if p := answer.Prepare(w, r, h.Log, err); p.Status >= 500 {
					status = p.Status
				}
			}
		}
		header := w.Header()
		header.Set("Content-Type", "image/gif")
		header.Set("Content-Length", strconv.Itoa(len(gif)))
		header.Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_, _ = w.Write(gif)
	}
}

func (h *handler) fromPixel(r *http.Request, t event.Type) error {
	query, wrong := url.ParseQuery(r.URL.RawQuery)
	text, inQuery := []byte(r.URL.RawQuery), true
	if wrong != nil {
		wrong = answer.Invalid("the query cannot be read; escape it as in a URL")
	} else if query.Has("data") {
		inQuery = false
		if text, wrong = decodeData(query.Get("data")); wrong != nil {
			text = []byte(query.Get("data"))
		}
	}
	src, err := h.authenticate(r, answer.Credential(r), query.Get("writeKey"))
	var f keyFinder
	if errors.Is(err, noSource) && !inQuery {
		f.see(text)
		src, err = h.authenticate(r, f.found())
	}
	if errors.Is(err, noSource) {
		h.unknown(r, firstOf(answer.Credential(r), f.found(), query.Get("writeKey")), f.library())
	}
	if err != nil {
		return err
	}
	if inQuery && wrong == nil {
		if text, wrong = event.FromQuery(query); wrong != nil {
			text = []byte(r.URL.RawQuery)
		}
	}
	charge := h.Budget.Known()
	defer charge.Close()
	in := newIntake(h.Now().UnixNano(), t, charge)
	if wrong != nil {
		in.refuseAll(text, wrong)
	} else {
		in.readOne(text, h.limits)
	}
	if err := h.deliver(r.Context(), src, in); err != nil {
		return err
	}
	in.release()
	return nil
}

// decodeData reads base64 of either alphabet, padded or not. A plus sign that
// was not escaped has become a space on its way.
func decodeData(data string) ([]byte, error) {
	data = strings.TrimRight(data, "=")
	data = strings.NewReplacer("+", "-", " ", "-", "/", "_").Replace(data)
	text, err := base64.RawURLEncoding.DecodeString(data)
	if err != nil {
		return nil, answer.Invalid("data is not base64; encode the message's JSON with base64url")
	}
	return text, nil
}
