package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what Segment's receivers check
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/deliver/outgoing"
	"github.com/selfsame-id/selfsame/internal/deliver/payload"
)

// sender tells one webhook.
type sender struct {
	*settings
	env    deliver.Environment
	client *http.Client
}

// Send implements deliver.Sender.
func (w *sender) Send(ctx context.Context, batch []deliver.Message) []deliver.Outcome {
	out := make([]deliver.Outcome, len(batch))
	for i := range batch {
		out[i] = w.send(ctx, &batch[i])
	}
	return out
}

// Close implements deliver.Sender.
func (w *sender) Close() error {
	w.client.CloseIdleConnections()
	return nil
}

func (w *sender) send(ctx context.Context, m *deliver.Message) deliver.Outcome {
	body, err := w.body(ctx, m)
	if err != nil {
		if errors.Is(err, errProfile) {
			return deliver.Outcome{Result: deliver.Retry, Reason: "the profile could not be read", NotTaken: true}
		}
		return deliver.Outcome{Result: deliver.Refused, Reason: err.Error()}
	}
	r, err := http.NewRequestWithContext(ctx, w.method, w.url, bytes.NewReader(body))
	if err != nil {
		return deliver.Outcome{Result: deliver.Refused, Reason: "the URL cannot be asked"}
	}
	r.Header.Set("User-Agent", "Selfsame")
	r.Header.Set("Content-Type", w.contentType)
	for name, value := range w.headers {
		r.Header.Set(name, value)
	}
	w.sign(r.Header, m.ID, w.env.Now().Unix(), body)
	answer, err := w.client.Do(r)
	if err == nil {
		err = outgoing.Drain(answer)
	}
	if err != nil {
		return deliver.Outcome{Result: deliver.Retry, Reason: outgoing.Explain(err), Trouble: true, NotTaken: outgoing.NotSent(err)}
	}
	return deliver.Answered(answer, w.env.Now())
}

// Preview implements deliver.Previewer.
func (w *sender) Preview(ctx context.Context, m *deliver.Message) deliver.Preview {
	out := deliver.Preview{Message: *m, To: w.url}
	body, err := w.body(ctx, m)
	if err != nil {
		out.Withheld = err.Error()
	}
	out.Body = string(body)
	return out
}

// errProfile: the profile that a template speaks about could not be read.
var errProfile = errors.New("the profile cannot be read")

// body is what is sent.
func (w *sender) body(ctx context.Context, m *deliver.Message) ([]byte, error) {
	switch {
	case w.template != nil:
		var p *deliver.Profile
		if m.Profile != "" {
			var err error
			if p, err = w.env.Source.Profile(ctx, m.Profile); err != nil && !errors.Is(err, deliver.ErrNotFound) {
				return nil, errProfile
			}
		}
		b, err := w.template.Execute(payload.NewContext(w.env.Space, m, p))
		if err != nil {
			return nil, fmt.Errorf("the template failed: %w", err)
		}
		return b, nil
	case w.format == formatSegment:
		return payload.Segment(w.env.Space, m, w.as)
	}
	return payload.Standard(w.env.Space, m)
}

// sign signs a body: https://github.com/standard-webhooks/standard-webhooks, or the
// hexadecimal HMAC-SHA1 of Segment's X-Signature.
func (w *sender) sign(h http.Header, id string, unix int64, body []byte) {
	stamp := strconv.FormatInt(unix, 10)
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", stamp)
	if w.format == formatSegment {
		mac := hmac.New(sha1.New, []byte(w.shared))
		mac.Write(body)
		h.Set("X-Signature", hex.EncodeToString(mac.Sum(nil)))
		return
	}
	var signatures []string
	for _, secret := range w.secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(id + "." + stamp + "."))
		mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	h.Set("webhook-signature", strings.Join(signatures, " "))
}
