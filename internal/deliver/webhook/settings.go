package webhook

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/deliver/outgoing"
	"github.com/selfsame-id/selfsame/internal/deliver/payload"
)

// Kind is the kind of destinations.
type Kind struct{}

// The formats of bodies.
const (
	formatStandard = "standard"
	formatSegment  = "segment"
)

// settings are those of one webhook.
type settings struct {
	url         string
	method      string
	format      string
	as          payload.As
	secrets     [][]byte // of Standard Webhooks, the newest first
	shared      string   // of X-Signature
	headers     map[string]string
	contentType string
	template    *payload.Template
	timeout     time.Duration
	workers     int
}

// reserved are headers that are ours to set.
var reserved = []string{"Content-Length", "Host", "Transfer-Encoding", "Connection", "Upgrade", "Trailer", "Te", "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature", "X-Signature"}

// Parse implements deliver.Kind.
func (Kind) Parse(s *deliver.Section, _ *deliver.Definition) deliver.Settings {
	w := &settings{
		url: s.Required("url"), method: s.Choice("method", http.MethodPost, http.MethodPut, http.MethodPatch),
		format: s.Choice("format", formatStandard, formatSegment), as: payload.As(s.Choice("as", string(payload.Track), string(payload.Identify))),
		timeout: s.Duration("timeout", 5*time.Second, 100*time.Millisecond, time.Minute), workers: s.Number("connections", 8, 1, 64),
		contentType: "application/json",
	}
	if w.url != "" {
		if _, err := outgoing.CheckURL(w.url); err != nil {
			s.Mistake("url", "%s", err)
		}
	}
	if t := s.Text("content_type"); t != "" {
		if w.contentType = t; !httpguts.ValidHeaderFieldValue(t) {
			s.Mistake("content_type", "is %q, which no header can hold", t)
		}
	}
	if s.Has("as") && w.format != formatSegment {
		s.Mistake("as", "is for the format segment only")
	}
	for name, value := range s.SecretMap("headers") {
		switch {
		case !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value):
			s.Mistake("headers", "%q is no header, or has a value that none can hold", name)
		case slices.Contains(reserved, textproto.CanonicalMIMEHeaderKey(name)):
			s.Mistake("headers", "%s is set by the server itself", name)
		default:
			if w.headers == nil {
				w.headers = map[string]string{}
			}
			w.headers[name] = value
		}
	}
	if text := s.Text("template"); text != "" {
		t, err := payload.NewTemplate(text, strings.Contains(w.contentType, "json"))
		if err != nil {
			s.Mistake("template", "%s", err)
		}
		w.template = t
	}
	w.parseSecrets(s)
	return w
}

func (w *settings) parseSecrets(s *deliver.Section) {
	newest, previous := s.Secret("secret"), s.Secret("previous_secret")
	if w.format == formatSegment {
		if w.shared = newest; newest == "" && !s.Has("secret") {
			s.Mistake("secret", "is missing; the receiver checks X-Signature with it, for example %s", rand.Text())
		}
		if previous != "" {
			s.Mistake("previous_secret", "is for the format standard; X-Signature has room for one")
		}
		return
	}
	if newest == "" && !s.Has("secret") {
		s.Mistake("secret", "is missing; the receiver checks signatures with it. A new one is %s", newSecret())
	}
	for _, one := range []struct{ key, text string }{{"secret", newest}, {"previous_secret", previous}} {
		if one.text == "" {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(one.text, secretPrefix))
		if err != nil || !strings.HasPrefix(one.text, secretPrefix) || len(raw) < 24 || len(raw) > 64 {
			s.Mistake(one.key, "is not whsec_ followed by 24 to 64 bytes in base64. A new one is %s", newSecret())
			continue
		}
		w.secrets = append(w.secrets, raw)
	}
}

const secretPrefix = "whsec_"

func newSecret() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails, see crypto/rand
	return secretPrefix + base64.StdEncoding.EncodeToString(b)
}

// Limits implements deliver.Settings.
func (w *settings) Limits() deliver.Limits { return deliver.Limits{Batch: 1, Workers: w.workers} }

// Subscriptions implements deliver.Settings.
func (w *settings) Subscriptions() []deliver.Subscription { return nil }

// Open implements deliver.Settings.
func (w *settings) Open(env deliver.Environment) (deliver.Sender, error) {
	return &sender{settings: w, env: env, client: env.Guard.Client(outgoing.Options{Timeout: w.timeout, Connections: w.workers, Roots: env.Roots})}, nil
}
