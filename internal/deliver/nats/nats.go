// Package nats is the kind of destinations that publish to a stream of NATS JetStream.
package nats

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/deliver/outgoing"
	"github.com/selfsame-id/selfsame/internal/deliver/payload"
)

// Kind is the kind of destinations.
type Kind struct{}

// settings are those of one destination.
type settings struct {
	servers        []string
	subject        string
	user, password string
	token          string
	tls            bool
	timeout        time.Duration
}

var subjectForm = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// Parse implements deliver.Kind.
func (Kind) Parse(s *deliver.Section, _ *deliver.Definition) deliver.Settings {
	out := &settings{
		servers: s.Texts("servers"), subject: s.Text("subject"), user: s.Text("user"), password: s.Secret("password"), token: s.Secret("token"),
		timeout: s.Duration("timeout", 5*time.Second, time.Second, time.Minute),
	}
	if len(out.servers) == 0 {
		s.Mistake("servers", "is missing; write one like nats://nats.example.com:4222, or a list")
	}
	for _, text := range out.servers {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "" || u.User != nil {
			s.Mistake("servers", "has %q; write servers like nats://nats.example.com:4222 or tls://…, without a user", text)
			continue
		}
		out.tls = out.tls || u.Scheme == "tls"
	}
	if out.subject == "" {
		out.subject = "selfsame.{space}.{type}"
	}
	if words := strings.NewReplacer("{space}", "s", "{type}", "t", "{key}", "k").Replace(out.subject); !subjectForm.MatchString(words) {
		s.Mistake("subject", "is %q; it has words with dots between them, and can have {space}, {type} and {key}", out.subject)
	}
	return out
}

// Limits implements deliver.Settings.
func (s *settings) Limits() deliver.Limits { return deliver.Limits{Batch: 100, Workers: 4} }

// Subscriptions implements deliver.Settings.
func (s *settings) Subscriptions() []deliver.Subscription { return nil }

// Open implements deliver.Settings.
func (s *settings) Open(env deliver.Environment) (deliver.Sender, error) {
	return &sender{settings: s, env: env}, nil
}

type sender struct {
	*settings
	env deliver.Environment

	mu     sync.Mutex
	conn   *nats.Conn
	stream jetstream.JetStream
}

// dialer lets the guard look at each address.
type dialer struct{ *net.Dialer }

// Dial implements nats.CustomDialer.
func (d dialer) Dial(_, address string) (net.Conn, error) { return d.Dialer.Dial("tcp", address) }

// connect returns the connection, which is made when it is first needed.
func (s *sender) connect() (jetstream.JetStream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil && !s.conn.IsClosed() {
		return s.stream, nil
	}
	options := []nats.Option{
		nats.Name("Selfsame " + s.env.Space + "/" + s.env.Destination), nats.Timeout(s.timeout), nats.MaxReconnects(2), nats.ReconnectWait(100 * time.Millisecond),
		nats.SetCustomDialer(dialer{s.env.Guard.Dialer(s.timeout)}), nats.IgnoreDiscoveredServers(),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}
	if s.tls {
		options = append(options, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.env.Roots}))
	}
	switch {
	case s.token != "":
		options = append(options, nats.Token(s.token))
	case s.user != "":
		options = append(options, nats.UserInfo(s.user, s.password))
	}
	conn, err := nats.Connect(strings.Join(s.servers, ","), options...)
	if err != nil {
		return nil, err
	}
	stream, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	s.conn, s.stream = conn, stream
	return stream, nil
}

// Close implements deliver.Sender.
func (s *sender) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.Close()
	}
	return nil
}

// Send implements deliver.Sender. Messages are published one after the other, so that
// those of a profile stay in order. Their IDs let the stream drop what comes twice.
func (s *sender) Send(ctx context.Context, batch []deliver.Message) []deliver.Outcome {
	out := make([]deliver.Outcome, len(batch))
	stream, err := s.connect()
	for i := range batch {
		if err != nil {
			out[i] = explain(err)
			continue
		}
		var body []byte
		if body, err = payload.Standard(s.env.Space, &batch[i]); err != nil {
			out[i], err = deliver.Outcome{Result: deliver.Refused, Reason: "the message cannot be written as JSON"}, nil
			continue
		}
		m := &nats.Msg{Subject: s.subjectOf(&batch[i]), Data: body, Header: nats.Header{nats.MsgIdHdr: {batch[i].ID}, "Selfsame-Profile": {batch[i].Profile}}}
		within, cancel := context.WithTimeout(ctx, s.timeout)
		_, err = stream.PublishMsg(within, m)
		cancel()
		if err != nil {
			out[i] = explain(err)
			if out[i].Result == deliver.Refused {
				err = nil // the others may be taken
			}
			continue
		}
		out[i].Result = deliver.Delivered
	}
	return out
}

var noToken = regexp.MustCompile(`[^A-Za-z0-9_.-]`)

func (s *sender) subjectOf(m *deliver.Message) string {
	key := m.Key
	if key == "" {
		key = "none"
	}
	return strings.NewReplacer("{space}", noToken.ReplaceAllString(strings.ReplaceAll(s.env.Space, ".", "_"), "_"), "{type}", payload.Type(m.What), "{key}", key).Replace(s.subject)
}

func explain(err error) deliver.Outcome {
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
		return deliver.Outcome{Result: deliver.Disabled, Reason: "NATS does not take our credentials"}
	case errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrNoStreamResponse):
		return deliver.Outcome{Result: deliver.Retry, Reason: "no stream of NATS takes this subject", Trouble: true, NotTaken: true}
	case errors.Is(err, nats.ErrMaxPayload):
		return deliver.Outcome{Result: deliver.Refused, Reason: "the message is larger than NATS takes"}
	case errors.Is(err, nats.ErrNoServers):
		return deliver.Outcome{Result: deliver.Retry, Reason: "no server of NATS can be reached", Trouble: true, NotTaken: true}
	case errors.Is(err, outgoing.ErrRefused):
		return deliver.Outcome{Result: deliver.Retry, Reason: outgoing.ErrRefused.Error(), Trouble: true, NotTaken: true}
	}
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return deliver.Outcome{Result: deliver.Retry, Reason: fmt.Sprintf("the stream of NATS answered %d", api.Code), Trouble: true, NotTaken: true}
	}
	return deliver.Outcome{Result: deliver.Retry, Reason: "NATS: " + outgoing.Explain(err), Trouble: true, NotTaken: outgoing.NotSent(err)}
}
