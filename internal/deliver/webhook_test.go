package deliver_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/deliver/outgoing"
	"github.com/selfsame-id/selfsame/internal/deliver/webhook"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/task"
)

// delivery is a request that a hook got.
type delivery struct {
	id   string
	what string // type, identifier, key and value, in words
	head http.Header
	body []byte
	from string // the address of the other end
}

// hook is an HTTP server that remembers what it was told, and misbehaves when asked.
type hook struct {
	*httptest.Server
	mu     sync.Mutex
	got    []delivery
	answer func(w http.ResponseWriter, d delivery) // nil: 204
	more   chan struct{}
}

func newHook(t *testing.T, secure bool) *hook {
	h := &hook{more: make(chan struct{}, 1000)}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		d := delivery{id: r.Header.Get("webhook-id"), head: r.Header, body: body, what: described(body), from: r.RemoteAddr}
		h.mu.Lock()
		h.got = append(h.got, d)
		answer := h.answer
		h.mu.Unlock()
		if answer != nil {
			answer(w, d)
		} else {
			w.WriteHeader(http.StatusNoContent)
		}
		h.more <- struct{}{}
	})
	if secure {
		h.Server = httptest.NewTLSServer(handler)
	} else {
		h.Server = httptest.NewServer(handler)
	}
	t.Cleanup(h.CloseClientConnections)
	t.Cleanup(h.Close)
	return h
}

func described(body []byte) string {
	var e struct {
		Type string
		Data struct {
			Identifier      struct{ ID string }
			Audience, Trait string
			Value           json.RawMessage
		}
	}
	_ = json.Unmarshal(body, &e)
	return strings.TrimSpace(fmt.Sprintf("%s %s %s%s %s", e.Type, e.Data.Identifier.ID, e.Data.Audience, e.Data.Trait, e.Data.Value))
}

func (h *hook) answers(f func(w http.ResponseWriter, d delivery)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = f
}

func (h *hook) deliveries() []delivery {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.got)
}

// wait waits until n requests came.
func (h *hook) wait(t *testing.T, n int) []delivery {
	t.Helper()
	timeout := time.After(2 * time.Minute)
	for len(h.deliveries()) < n {
		select {
		case <-h.more:
		case <-timeout:
			t.Fatalf("%d requests came, want %d", len(h.deliveries()), n)
		}
	}
	return h.deliveries()
}

func words(ds []delivery) (out []string) {
	for _, d := range ds {
		out = append(out, d.what)
	}
	return out
}

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

var loopback = &outgoing.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

// rig is a dispatcher at work over a world.
type rig struct {
	*deliver.Dispatcher
	world  *deliver.World
	config deliver.Config
}

func start(t *testing.T, change func(*deliver.Config)) *rig {
	t.Helper()
	w := deliver.NewWorld(deliver.TestKeys...)
	return startOver(t, w, deliver.StoreInMemory(t).Open(), change)
}

func startOver(t *testing.T, w *deliver.World, store kv.Store, change func(*deliver.Config)) *rig {
	t.Helper()
	cfg := deliver.Config{
		Space: "test", Store: store, Keys: codec.NewKeyspace(1), Source: w, Guard: loopback, Pauses: &deliver.Quick,
		Kinds: map[string]deliver.Kind{"webhook": webhook.Kind{}}, Tasks: task.New(),
	}
	if change != nil {
		change(&cfg)
	}
	d, err := deliver.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{d, w, cfg}
	t.Cleanup(func() {
		if err := d.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *rig) apply(t *testing.T, text string) {
	t.Helper()
	if _, err := r.ApplyDestinations(t.Context(), []byte(text)); err != nil {
		t.Fatal(err)
	}
	// The baseline is there.
	r.until(t, func(s *deliver.Status) bool { return s.Baseline < 0 && !s.Behind && s.Ready })
}

func (r *rig) status(t *testing.T) *deliver.Status {
	t.Helper()
	all, err := r.Destinations(t.Context())
	if err != nil || len(all) == 0 {
		t.Fatalf("%v, %v", all, err)
	}
	return all[0]
}

// until waits until the status is as wanted.
func (r *rig) until(t *testing.T, f func(*deliver.Status) bool) *deliver.Status {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		s := r.status(t)
		if f(s) {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("the status stays %+v", s)
		}
		time.Sleep(2 * time.Millisecond) // what changes the status gives no signal
	}
}

func (r *rig) drained(t *testing.T) {
	t.Helper()
	r.until(t, func(s *deliver.Status) bool { return s.Queued == 0 && !s.Behind })
}

func (r *rig) set(id deliver.Identifier, key string, n int) {
	r.world.Set(id, key, n)
	r.Wake()
}

func hookDocument(url, more string) string {
	return fmt.Sprintf("destinations:\n  crm:\n    type: webhook\n    send: {traits: all, audiences: all}\n    webhook: {url: %q, secret: %s%s}\n", url, testSecret, more)
}

// Messages that come one after the other go over the same connection.
func TestConnectionsAreKept(t *testing.T) {
	h := newHook(t, false)
	r := start(t, nil)
	r.apply(t, hookDocument(h.URL, ""))
	r.world.Create(deliver.User(1))
	for n := range 10 {
		r.set(deliver.User(1), "orders", n+1)
		h.wait(t, n+1)
		r.drained(t)
	}
	connections := map[string]bool{}
	for _, d := range h.deliveries() {
		connections[d.from] = true
	}
	if len(connections) != 1 {
		t.Errorf("%d connections for messages one after the other", len(connections))
	}
}

func TestAWebhookIsToldWhatIsSo(t *testing.T) {
	h := newHook(t, false)
	r := start(t, nil)
	r.apply(t, hookDocument(h.URL, ""))
	jane := deliver.User(1)
	r.world.Create(jane, deliver.Anonymous(1))
	r.set(jane, "vip", 1)
	h.wait(t, 1)
	r.set(jane, "orders", 2)
	h.wait(t, 2)
	r.set(jane, "vip", 0)
	got := h.wait(t, 3)
	if want := []string{"audience.entered u1 vip", "trait.set u1 orders 2", "audience.exited u1 vip"}; !slices.Equal(words(got), want) {
		t.Errorf("got %q, want %q", words(got), want)
	}
	verifier, err := standardwebhooks.NewWebhook(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, d := range got {
		if err := verifier.Verify(d.body, d.head); err != nil {
			t.Errorf("the signature of %s: %v", d.what, err)
		}
		if d.head.Get("Content-Type") != "application/json" || ids[d.id] || d.id == "" {
			t.Errorf("headers %v", d.head)
		}
		ids[d.id] = true
	}
	r.drained(t)
	if s := r.status(t); s.Counts.Delivered != 3 || s.DeadLetters != 0 || s.Counts.Failures != 0 {
		t.Errorf("%+v", s.Counts)
	}
}

func TestTwoSecretsWhileRotating(t *testing.T) {
	h := newHook(t, false)
	r := start(t, nil)
	newer := "whsec_" + strings.Repeat("QUJD", 8)
	r.apply(t, strings.Replace(hookDocument(h.URL, ", previous_secret: "+testSecret), "secret: "+testSecret, "secret: "+newer, 1))
	r.world.Create(deliver.User(1))
	r.set(deliver.User(1), "vip", 1)
	d := h.wait(t, 1)[0]
	for _, secret := range []string{testSecret, newer} {
		v, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Verify(d.body, d.head); err != nil {
			t.Errorf("%s: %v", secret, err)
		}
	}
}

func TestSegmentsFormat(t *testing.T) {
	h := newHook(t, false)
	r := start(t, nil)
	r.apply(t, strings.Replace(hookDocument(h.URL, ", format: segment, headers: {X-Key: abc}"), testSecret, "shared", 1))
	r.world.Create(deliver.User(1))
	r.set(deliver.User(1), "vip", 1)
	d := h.wait(t, 1)[0]
	mac := hmac.New(sha1.New, []byte("shared"))
	mac.Write(d.body)
	if d.head.Get("X-Signature") != hex.EncodeToString(mac.Sum(nil)) || d.head.Get("X-Key") != "abc" {
		t.Errorf("headers %v", d.head)
	}
	if !strings.Contains(string(d.body), `"event":"Audience Entered"`) || !strings.Contains(string(d.body), `"computation_key":"vip"`) {
		t.Errorf("%s", d.body)
	}
}

func TestATemplateSpeaksOfTheProfile(t *testing.T) {
	h := newHook(t, false)
	r := start(t, nil)
	r.apply(t, hookDocument(h.URL, `, template: '{"text": "{{.Profile.Traits.firstName}} is {{.Type}}: {{.Key}}"}'`))
	r.world.Create(deliver.User(1))
	r.world.SetTrait(deliver.User(1), "firstName", `"Jane \"J\""`)
	r.set(deliver.User(1), "vip", 1)
	if d := h.wait(t, 1)[0]; string(d.body) != `{"text": "Jane \"J\" is audience.entered: vip"}` {
		t.Errorf("%s", d.body)
	}
}

// Whatever goes wrong, the message comes in the end, with the same ID.
func TestAHookThatMisbehaves(t *testing.T) {
	for name, misbehave := range map[string]func(w http.ResponseWriter, d delivery){
		"fails":       func(w http.ResponseWriter, _ delivery) { w.WriteHeader(http.StatusInternalServerError) },
		"is too busy": func(w http.ResponseWriter, _ delivery) { w.WriteHeader(http.StatusTooManyRequests) },
		"redirects": func(w http.ResponseWriter, _ delivery) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusFound)
		},
		"hangs":    func(w http.ResponseWriter, _ delivery) { time.Sleep(2200 * time.Millisecond) },
		"hangs up": func(w http.ResponseWriter, _ delivery) { panic(http.ErrAbortHandler) },
		"is cut short": func(w http.ResponseWriter, _ delivery) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("half"))
		},
		"talks nonsense": func(w http.ResponseWriter, _ delivery) {
			c, _, _ := w.(http.Hijacker).Hijack()
			_, _ = c.Write([]byte("SMTP here, what do you want?\r\n\r\n"))
			_ = c.Close()
		},
		"never ends": func(w http.ResponseWriter, _ delivery) {
			for range 1000 {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
			w.WriteHeader(http.StatusInternalServerError)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHook(t, false)
			r := start(t, nil)
			timeout := "30s" // a slow machine is no failure
			if name == "hangs" {
				timeout = "2s"
			}
			r.apply(t, hookDocument(h.URL, ", timeout: "+timeout))
			left := 3
			h.answers(func(w http.ResponseWriter, d delivery) {
				h.mu.Lock()
				bad := left > 0
				left--
				h.mu.Unlock()
				if bad {
					misbehave(w, d)
				} else {
					w.WriteHeader(http.StatusOK)
				}
			})
			r.world.Create(deliver.User(1))
			r.set(deliver.User(1), "vip", 1)
			want := 4
			if name == "never ends" {
				want = 1 // 200, and more of it than anybody reads
			}
			got := h.wait(t, want)
			for _, d := range got {
				if d.id != got[0].id || string(d.body) != string(got[0].body) {
					t.Errorf("%s %s after %s %s", d.id, d.body, got[0].id, got[0].body)
				}
			}
			r.drained(t)
			if s := r.status(t); s.Counts.Delivered != 1 || s.Counts.Failures != int64(want-1) || s.DeadLetters != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestABadCertificateIsSaid(t *testing.T) {
	h := newHook(t, true)
	r := start(t, nil)
	r.apply(t, hookDocument(h.URL, ""))
	r.world.Create(deliver.User(1))
	r.set(deliver.User(1), "vip", 1)
	r.until(t, func(s *deliver.Status) bool {
		return s.Counts.Failures > 0 && s.Counts.LastReason == "the certificate is signed by nobody that is trusted"
	})
	if len(h.deliveries()) > 0 {
		t.Error("it was told")
	}
	good := start(t, func(c *deliver.Config) {
		c.Roots = x509.NewCertPool()
		c.Roots.AddCert(h.Certificate())
	})
	good.apply(t, hookDocument(h.URL, ""))
	good.world.Create(deliver.User(1))
	good.set(deliver.User(1), "vip", 1)
	h.wait(t, 1)
}

func TestAnInternalAddressIsRefused(t *testing.T) {
	h := newHook(t, false)
	r := start(t, func(c *deliver.Config) { c.Guard = &outgoing.Guard{} })
	r.apply(t, hookDocument(h.URL, ""))
	r.world.Create(deliver.User(1))
	r.set(deliver.User(1), "vip", 1)
	r.until(t, func(s *deliver.Status) bool { return s.Counts.LastReason == outgoing.ErrRefused.Error() })
	if len(h.deliveries()) > 0 {
		t.Error("it was told")
	}
}

// 410, 401 and 403 stop a destination, which says why; nothing is lost.
func TestAHookThatWantsNothingIsStopped(t *testing.T) {
	for _, code := range []int{http.StatusGone, http.StatusUnauthorized, http.StatusForbidden} {
		h := newHook(t, false)
		r := start(t, nil)
		r.apply(t, hookDocument(h.URL, ""))
		h.answers(func(w http.ResponseWriter, _ delivery) { w.WriteHeader(code) })
		r.world.Create(deliver.User(1))
		r.world.Create(deliver.User(2))
		r.set(deliver.User(1), "vip", 1)
		s := r.until(t, func(s *deliver.Status) bool { return s.Stopped != nil })
		if !strings.Contains(s.Stopped.Reason, fmt.Sprint(code)) {
			t.Errorf("%+v", s.Stopped)
		}
		r.set(deliver.User(2), "vip", 1)
		r.until(t, func(s *deliver.Status) bool { return s.Queued == 2 && !s.Behind })
		if n := len(h.deliveries()); n != 1 {
			t.Errorf("%d: it was asked %d times", code, n)
		}
		h.answers(nil)
		if err := r.EnableDestination(t.Context(), "crm"); err != nil {
			t.Fatal(err)
		}
		h.wait(t, 3)
		r.drained(t)
		if s := r.status(t); s.Stopped != nil || s.Counts.Delivered != 2 {
			t.Errorf("%+v", s)
		}
	}
}

func TestOtherRefusalsBecomeDeadLettersAndAreSentAgain(t *testing.T) {
	h := newHook(t, false)
	r := start(t, nil)
	r.apply(t, hookDocument(h.URL, ""))
	h.answers(func(w http.ResponseWriter, _ delivery) { w.WriteHeader(http.StatusUnprocessableEntity) })
	r.world.Create(deliver.User(1))
	r.set(deliver.User(1), "vip", 1)
	first := h.wait(t, 1)[0]
	r.until(t, func(s *deliver.Status) bool { return s.DeadLetters == 1 && s.Queued == 0 })
	page, err := r.DeadLetters(t.Context(), "crm", "", 10)
	if err != nil || len(page.Deliveries) != 1 || !strings.Contains(page.Deliveries[0].Reason, "422") || page.Deliveries[0].Message.ID != first.id {
		t.Fatalf("%+v, %v", page, err)
	}
	h.answers(nil)
	if n, err := r.SendAgain(t.Context(), "crm", page.Deliveries[0].Seq); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	again := h.wait(t, 2)[1]
	if again.id != first.id || string(again.body) != string(first.body) {
		t.Errorf("%s %s, want %s %s", again.id, again.body, first.id, first.body)
	}
	r.until(t, func(s *deliver.Status) bool { return s.DeadLetters == 0 && s.Counts.Delivered == 1 })
}

// A lane that is stuck stops no other, and a destination that is dead no other.
func TestOneStuckProfileStopsNobodyElse(t *testing.T) {
	h := newHook(t, false)
	r := start(t, nil)
	r.apply(t, hookDocument(h.URL, ", connections: 2"))
	h.answers(func(w http.ResponseWriter, d delivery) {
		if strings.Contains(d.what, " u1 ") {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	for n := 1; n <= 20; n++ {
		r.world.Create(deliver.User(n))
		r.set(deliver.User(n), "vip", 1)
		r.set(deliver.User(n), "orders", 1)
	}
	s := r.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 38 })
	if s.Queued != 2 {
		t.Errorf("%+v", s)
	}
	first := ""
	for _, d := range h.deliveries() {
		if strings.Contains(d.what, " u1 ") {
			if first == "" {
				first = d.id
			}
			if d.id != first {
				t.Error("the second message of a profile overtook the first")
			}
		}
	}
}

func TestSecretsAreNeverReadBack(t *testing.T) {
	h := newHook(t, false)
	r := start(t, nil)
	r.apply(t, hookDocument(h.URL, ", headers: {Authorization: Bearer hush}"))
	text, err := r.DestinationsDocument(t.Context())
	if err != nil || strings.Contains(string(text), "MfKQ9r8G") || strings.Contains(string(text), "hush") || !strings.Contains(string(text), "secret: (set)") {
		t.Fatalf("%s, %v", text, err)
	}
	if s := r.status(t); strings.Contains(string(s.Definition), "MfKQ9r8G") || strings.Contains(fmt.Sprintf("%+v", s), "hush") {
		t.Errorf("%s", s.Definition)
	}
	// What was read back changes nothing.
	plan, err := r.ApplyDestinations(t.Context(), text)
	if err != nil || !plan.Empty() {
		t.Fatalf("%+v, %v", plan, err)
	}
	r.world.Create(deliver.User(1))
	r.set(deliver.User(1), "vip", 1)
	if d := h.wait(t, 1)[0]; d.head.Get("Authorization") != "Bearer hush" {
		t.Errorf("%v", d.head)
	}
	// Another destination does not get them.
	if _, err := r.ApplyDestinations(t.Context(), []byte(strings.Replace(string(text), "crm:", "other:", 1))); err == nil || !strings.Contains(err.Error(), "no secret is set") {
		t.Errorf("%v", err)
	}
}

// A destination that leads elsewhere from now on does not take its secrets along.
func TestSecretsStayWithTheirAddress(t *testing.T) {
	h, other := newHook(t, false), newHook(t, false)
	r := start(t, nil)
	r.apply(t, hookDocument(h.URL, ", headers: {Authorization: Bearer hush}"))
	text, err := r.DestinationsDocument(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	moved := []byte(strings.Replace(string(text), h.URL, other.URL, 1))
	for _, try := range []func(context.Context, []byte) (*deliver.Plan, error){r.CheckDestinations, r.ApplyDestinations} {
		if _, err := try(t.Context(), moved); !errors.Is(err, deliver.ErrInvalid) || !strings.Contains(err.Error(), "leads to another address") {
			t.Errorf("%v", err)
		}
	}
	// Written again they go along.
	r.apply(t, hookDocument(other.URL, ", headers: {Authorization: Bearer new}"))
	// And what else changes leaves them.
	text, err = r.DestinationsDocument(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if plan, err := r.ApplyDestinations(t.Context(), []byte(strings.Replace(string(text), "type: webhook", "type: webhook\n    name: CRM", 1))); err != nil || len(plan.Changed) != 1 {
		t.Errorf("%+v, %v", plan, err)
	}
}

// What a document says once and means twice is kept with each destination.
func TestAliasesOfADocument(t *testing.T) {
	h := newHook(t, false)
	r := start(t, nil)
	r.apply(t, `
destinations:
  crm: {type: webhook, send: &all {traits: all, audiences: all}, webhook: &hook {url: "`+h.URL+`", secret: `+testSecret+`}}
  second: {type: webhook, send: *all, webhook: *hook}
`)
	text, err := r.DestinationsDocument(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if plan, err := r.ApplyDestinations(t.Context(), text); err != nil || !plan.Empty() {
		t.Errorf("%+v, %v: %s", plan, err, text)
	}
	bomb := "destinations: &a0 {x: 1}\n"
	for i := 1; i < 30; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
	}
	if _, err := r.CheckDestinations(t.Context(), []byte(bomb)); !errors.Is(err, deliver.ErrInvalid) || !strings.Contains(err.Error(), "too much") {
		t.Errorf("%v", err)
	}
}
