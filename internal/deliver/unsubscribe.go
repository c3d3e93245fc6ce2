package deliver

import (
	"context"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strings"

	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// UnsubscribeHandler serves the pages that mails lead to, below UnsubscribePath. GET
// asks, since mail filters follow links; POST unsubscribes, with a click there or by
// the mail program itself (RFC 8058). of finds the dispatcher of a keyspace;
// ErrNotFound: there is none.
func UnsubscribeHandler(log *slog.Logger, of func(context.Context, codec.Keyspace) (*Dispatcher, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Robots-Tag", "noindex")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		status, page := unsubscribe(r, of)
		if page.err != nil {
			log.Error("a link to unsubscribe could not be served", "error", page.err)
		}
		if status == http.StatusMethodNotAllowed {
			h.Set("Allow", "GET, HEAD, POST")
		}
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			_ = unsubscribePage.Execute(w, page) // whoever asked is gone
		}
	})
}

// page is what is shown.
type page struct {
	Title, Text string
	Ask         bool // with a button
	err         error
}

func unsubscribe(r *http.Request, of func(context.Context, codec.Keyspace) (*Dispatcher, error)) (int, page) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost {
		return http.StatusMethodNotAllowed, page{Title: "Not possible", Text: "This address takes GET and POST."}
	}
	_, token, _ := strings.Cut(r.URL.Path, UnsubscribePath)
	bad := page{Title: "This link does not work", Text: "It is not complete, or not one of ours. Please copy the whole link from the mail."}
	ks, err := TokenSpace(token)
	if err != nil {
		return http.StatusNotFound, bad
	}
	failed := page{Title: "Something went wrong", Text: "Please try again in a few minutes.", err: err}
	d, err := of(r.Context(), ks)
	done := false
	if err == nil {
		if r.Method == http.MethodPost {
			err = d.Unsubscribe(r.Context(), token)
			done = true
		} else {
			done, err = d.IsUnsubscribed(r.Context(), token)
		}
	}
	switch {
	case errors.Is(err, ErrBadToken), errors.Is(err, ErrNotFound):
		return http.StatusNotFound, bad
	case err != nil:
		failed.err = err
		return http.StatusServiceUnavailable, failed
	case done:
		return http.StatusOK, page{Title: "You are unsubscribed", Text: "No more mails will come to your address from here."}
	}
	return http.StatusOK, page{Title: "Unsubscribe", Text: "Do you want no more mails from here?", Ask: true}
}

var unsubscribePage = template.Must(template.New("unsubscribe").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{.Title}}</title>
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:30rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}button{font:inherit;padding:.5rem 1rem}</style>
<h1>{{.Title}}</h1>
<p>{{.Text}}</p>
{{if .Ask}}<form method="post"><button type="submit">Unsubscribe</button></form>{{end}}
</html>
`))
