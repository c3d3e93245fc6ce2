// Package segment is the kind of destinations that speak Segment's Tracking API:
// Segment itself, or whatever is compatible with it.
package segment

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/deliver/outgoing"
	"github.com/selfsame-id/selfsame/internal/deliver/payload"
)

// Kind is the kind of destinations.
type Kind struct{}

// settings are those of one destination.
type settings struct {
	url      string
	writeKey string
	as       payload.As
	timeout  time.Duration
}

// Parse implements deliver.Kind.
func (Kind) Parse(s *deliver.Section, d *deliver.Definition) deliver.Settings {
	out := &settings{
		url: s.Text("endpoint"), writeKey: s.Secret("write_key"), as: payload.As(s.Choice("as", string(payload.Identify), string(payload.Track))),
		timeout: s.Duration("timeout", 10*time.Second, time.Second, time.Minute),
	}
	if out.url == "" {
		out.url = "https://api.segment.io"
	}
	if _, err := outgoing.CheckURL(out.url); err != nil {
		s.Mistake("endpoint", "%s", err)
	}
	out.url = strings.TrimSuffix(strings.TrimRight(out.url, "/"), "/v1") + "/v1/batch"
	if !s.Has("write_key") {
		s.Mistake("write_key", "is missing; it is that of the source that gets the calls")
	}
	if d.Send.Merges {
		s.Mistake("write_key", "belongs to an API that knows no merges of profiles; leave merges out of send")
	}
	return out
}

// Limits implements deliver.Settings.
func (s *settings) Limits() deliver.Limits { return deliver.Limits{Batch: 100, Workers: 4} }

// Subscriptions implements deliver.Settings.
func (s *settings) Subscriptions() []deliver.Subscription { return nil }

// Open implements deliver.Settings.
func (s *settings) Open(env deliver.Environment) (deliver.Sender, error) {
	return &sender{s, env, env.Guard.Client(outgoing.Options{Timeout: s.timeout, Roots: env.Roots})}, nil
}

type sender struct {
	*settings
	env    deliver.Environment
	client *http.Client
}

// Close implements deliver.Sender.
func (s *sender) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

// The sizes that the Tracking API takes, with some room for what is around the calls.
const (
	mostMessage = 32_000
	mostBatch   = 480_000
)

// Send implements deliver.Sender.
func (s *sender) Send(ctx context.Context, batch []deliver.Message) []deliver.Outcome {
	out := make([]deliver.Outcome, len(batch))
	var calls []json.RawMessage
	var of []int
	size := 0
	var failed *deliver.Outcome
	flush := func() {
		if len(calls) > 0 {
			s.sendAll(ctx, calls, of, out, &failed)
		}
		calls, of, size = nil, nil, 0
	}
	for i := range batch {
		b, err := payload.Segment(s.env.Space, &batch[i], s.as)
		switch {
		case err != nil:
			out[i] = deliver.Outcome{Result: deliver.Refused, Reason: "the message cannot be written as JSON"}
			continue
		case len(b) > mostMessage:
			out[i] = deliver.Outcome{Result: deliver.Refused, Reason: fmt.Sprintf("the call has %d bytes; the API takes %d", len(b), mostMessage)}
			continue
		}
		if size+len(b) > mostBatch {
			flush()
		}
		calls, of, size = append(calls, b), append(of, i), size+len(b)+1
	}
	flush()
	return out
}

// sendAll sends calls together. If the API refuses them, it is found out which of them
// it does not take. Behind calls that are tried again nothing is sent, or it would overtake
// them; failed is what became of these.
func (s *sender) sendAll(ctx context.Context, calls []json.RawMessage, of []int, out []deliver.Outcome, failed **deliver.Outcome) {
	if *failed != nil {
		for _, i := range of {
			out[i] = **failed
		}
		return
	}
	o := s.post(ctx, calls)
	if o.Result == deliver.Refused && len(calls) > 1 {
		half := len(calls) / 2
		s.sendAll(ctx, calls[:half], of[:half], out, failed)
		s.sendAll(ctx, calls[half:], of[half:], out, failed)
		return
	}
	if o.Result != deliver.Delivered && o.Result != deliver.Refused {
		*failed = &o
	}
	for _, i := range of {
		out[i] = o
	}
}

func (s *sender) post(ctx context.Context, calls []json.RawMessage) deliver.Outcome {
	body, err := json.Marshal(map[string]any{"batch": calls, "sentAt": payload.Time(s.env.Now().UnixNano())})
	if err != nil {
		return deliver.Outcome{Result: deliver.Refused, Reason: "the calls cannot be written as JSON"}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return deliver.Outcome{Result: deliver.Refused, Reason: "the endpoint cannot be asked"}
	}
	r.SetBasicAuth(s.writeKey, "")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Selfsame")
	answer, err := s.client.Do(r)
	if err == nil {
		err = outgoing.Drain(answer)
	}
	if err != nil {
		return deliver.Outcome{Result: deliver.Retry, Reason: outgoing.Explain(err), Trouble: true, NotTaken: outgoing.NotSent(err)}
	}
	return deliver.Answered(answer, s.env.Now())
}
