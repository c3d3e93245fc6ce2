package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// postOffice is a mail server that counts what it took. It takes its time, so that a
// kill may find it at work.
type postOffice struct {
	address string
	pause   time.Duration

	mu    sync.Mutex
	mails map[string]int // "address: subject" → how often
}

func newPostOffice(t testing.TB, pause time.Duration) *postOffice {
	t.Helper()
	o := &postOffice{pause: pause, mails: map[string]int{}}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{office: o}, nil }))
	server.Domain = "mail.example.com"
	server.ErrorLog = quiet{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.address = l.Addr().String()
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return o
}

// taken copies what was counted.
func (o *postOffice) taken() map[string]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.mails)
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

type mailSession struct {
	office *postOffice
	to     string
}

func (s *mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (s *mailSession) Reset()                               {}
func (s *mailSession) Logout() error                        { return nil }

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err // it was not sent to its end
	}
	m, err := mail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		return err
	}
	time.Sleep(s.office.pause / 2) // as a server that writes to its disk
	s.office.mu.Lock()
	s.office.mails[s.to+": "+m.Header.Get("Subject")]++
	s.office.mu.Unlock()
	time.Sleep(s.office.pause / 2) // taken, and not yet said so
	return nil
}

// told is a webhook as it came.
type told struct {
	ID   string `json:"-"`
	Type string
	Data struct {
		Identifier struct{ Type, ID string }
		Audience   string
		Trait      string
		Value      json.RawMessage
	}
}

// about is who and what the webhook is about.
func (w *told) about() string {
	return w.Data.Identifier.Type + ":" + w.Data.Identifier.ID + " " + w.Data.Audience + w.Data.Trait
}

// says is what it says of it.
func (w *told) says() string {
	switch w.Type {
	case "audience.entered":
		return "true"
	case "trait.set":
		return string(w.Data.Value)
	}
	return "" // not so any more
}

// hook is a receiver of webhooks that remembers all of them. It takes its time too.
type hook struct {
	*httptest.Server
	mu    sync.Mutex
	got   []told
	wrong []string
}

func newHook(t testing.TB, pause time.Duration) *hook {
	t.Helper()
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return // it was not sent to its end
		}
		m := told{ID: r.Header.Get("webhook-id")}
		err = json.Unmarshal(text, &m)
		h.mu.Lock()
		if err != nil || m.ID == "" {
			h.wrong = append(h.wrong, fmt.Sprintf("%q %s", m.ID, text))
		}
		h.got = append(h.got, m)
		h.mu.Unlock()
		time.Sleep(pause) // received, and not yet said so
	}))
	t.Cleanup(h.Close)
	return h
}

// received copies what came.
func (h *hook) received() []told {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.got)
}

// last is what was said last of everything that is so, each webhook counted when it
// came first.
func (h *hook) last() map[string]string {
	out, known := map[string]string{}, map[string]bool{}
	for _, m := range h.received() {
		if known[m.ID] {
			continue
		}
		known[m.ID] = true
		if out[m.about()] = m.says(); m.says() == "" {
			delete(out, m.about())
		}
	}
	return out
}

// destination is what the API says of one.
type destination struct {
	Key, State                                   string
	Queued, Delivered, Refused, Dropped, Unknown int64
	DeadLetters                                  int64 `json:"dead_letters"`
	Stopped                                      string
	LastReason                                   string `json:"last_reason"`
}

func (p *server) destination(t testing.TB, space, key string) (d destination) {
	t.Helper()
	p.manage(t, http.MethodGet, "/api/spaces/"+space+"/destinations/"+key, &d)
	return d
}

// quietly waits until destinations have nothing to tell: all definitions are computed,
// the feed is read and nothing is queued.
func (p *server) quietly(t testing.TB, space string, keys ...string) {
	t.Helper()
	p.settled(t, space)
	p.computed(t, space)
	for _, key := range keys {
		var d destination
		for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
			if d = p.destination(t, space, key); d.State == "working" && d.Queued == 0 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s of %s has not told everything after %v: %+v", key, space, patience, d)
			}
		}
	}
}

// deadLetter is a message that was not delivered, or may have been.
type deadLetter struct {
	State   string
	Reason  string
	Message struct{ ID, Identifier, Mail string }
}

// deadLetters lists those of a destination.
func (p *server) deadLetters(t testing.TB, space, key string) (out []deadLetter) {
	t.Helper()
	path := "/api/spaces/" + space + "/destinations/" + key + "/dead-letters?limit=100"
	for next := ""; ; {
		var page struct {
			Data   []deadLetter
			Cursor struct{ Next string }
		}
		p.manage(t, http.MethodGet, path+next, &page)
		out = append(out, page.Data...)
		if page.Cursor.Next == "" {
			return out
		}
		next = "&next=" + page.Cursor.Next
	}
}

// segkicksTo is the document of SegKicks with its destinations at receivers of a test.
func segkicksTo(t testing.TB, mails *postOffice, shop *hook) string {
	t.Helper()
	text, err := os.ReadFile(segkicksFile)
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("127.0.0.1:2525", mails.address, "http://127.0.0.1:8090", shop.URL).Replace(string(text))
}

// newTellingSite is newSite whose destinations may be on this machine.
func newTellingSite(t testing.TB, binary string, spaces ...string) *site {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "admin_token: %s\nprofile_rate: 0\nallow_private: 127.0.0.1\nspaces:\n", adminToken)
	for _, id := range spaces {
		fmt.Fprintf(&b, "  - id: %s\n    sources: [{id: shop-%s, write_key: %s}]\n    tokens: [{name: reader, token: %s}]\n", id, id, keyOf(id), tokenOf(id))
	}
	return newSiteWith(t, binary, b.String())
}
