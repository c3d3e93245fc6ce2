// Package kafka is the kind of destinations that write to a topic of Apache Kafka, or
// whatever speaks its protocol.
package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"regexp"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/deliver/outgoing"
	"github.com/selfsame-id/selfsame/internal/deliver/payload"
)

// Kind is the kind of destinations.
type Kind struct{}

// settings are those of one destination.
type settings struct {
	brokers        []string
	topic          string
	tls            bool
	mechanism      string
	user, password string
	timeout        time.Duration
}

var topicForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)

// Parse implements deliver.Kind.
func (Kind) Parse(s *deliver.Section, _ *deliver.Definition) deliver.Settings {
	out := &settings{
		brokers: s.Texts("brokers"), topic: s.Required("topic"), tls: s.Bool("tls"), user: s.Text("user"), password: s.Secret("password"),
		mechanism: s.Choice("login", "scram-sha-256", "scram-sha-512", "plain"), timeout: s.Duration("timeout", 10*time.Second, time.Second, 5*time.Minute),
	}
	if len(out.brokers) == 0 {
		s.Mistake("brokers", "is missing; write one like kafka.example.com:9092, or a list")
	}
	for _, b := range out.brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			s.Mistake("brokers", "has %q; write brokers like kafka.example.com:9092", b)
		}
	}
	if out.topic != "" && !topicForm.MatchString(out.topic) {
		s.Mistake("topic", "is %q, which no topic is called", out.topic)
	}
	if out.user != "" && out.mechanism == "plain" && !out.tls {
		s.Mistake("login", "is plain, which would send the password unencrypted; set tls: true")
	}
	return out
}

// Limits implements deliver.Settings.
func (s *settings) Limits() deliver.Limits { return deliver.Limits{Batch: 1_000, Workers: 2} }

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
	client *kgo.Client
}

// connect returns the client, which is made when it is first needed.
func (s *sender) connect() (*kgo.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	dialer := s.env.Guard.Dialer(s.timeout)
	options := []kgo.Opt{
		kgo.SeedBrokers(s.brokers...), kgo.DefaultProduceTopic(s.topic), kgo.ClientID("selfsame"), kgo.RecordDeliveryTimeout(s.timeout),
		kgo.UnknownTopicRetries(1), kgo.RecordRetries(3), kgo.ProduceRequestTimeout(s.timeout), kgo.RetryTimeout(s.timeout),
		kgo.Dialer(func(ctx context.Context, _, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, "tcp", address)
			if err != nil || !s.tls {
				return conn, err
			}
			host, _, _ := net.SplitHostPort(address)
			secure := tls.Client(conn, &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, RootCAs: s.env.Roots})
			if err := secure.HandshakeContext(ctx); err != nil {
				_ = conn.Close()
				return nil, err
			}
			return secure, nil
		}),
	}
	if s.user != "" {
		var m sasl.Mechanism
		switch s.mechanism {
		case "plain":
			m = plain.Auth{User: s.user, Pass: s.password}.AsMechanism()
		case "scram-sha-512":
			m = scram.Auth{User: s.user, Pass: s.password}.AsSha512Mechanism()
		default:
			m = scram.Auth{User: s.user, Pass: s.password}.AsSha256Mechanism()
		}
		options = append(options, kgo.SASL(m))
	}
	c, err := kgo.NewClient(options...)
	s.client = c
	return c, err
}

// Close implements deliver.Sender.
func (s *sender) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		s.client.Close()
	}
	return nil
}

// Send implements deliver.Sender. A record's key is the profile, so that what is said of
// one stays in order; its header selfsame-id is the same on every try.
func (s *sender) Send(ctx context.Context, batch []deliver.Message) []deliver.Outcome {
	out := make([]deliver.Outcome, len(batch))
	client, err := s.connect()
	if err != nil {
		for i := range out {
			out[i] = explain(err)
		}
		return out
	}
	var records []*kgo.Record
	var of []int
	for i := range batch {
		body, err := payload.Standard(s.env.Space, &batch[i])
		if err != nil {
			out[i] = deliver.Outcome{Result: deliver.Refused, Reason: "the message cannot be written as JSON"}
			continue
		}
		records, of = append(records, &kgo.Record{
			Key: []byte(batch[i].Profile), Value: body, Timestamp: time.Unix(0, batch[i].Queued),
			Headers: []kgo.RecordHeader{{Key: "selfsame-id", Value: []byte(batch[i].ID)}, {Key: "selfsame-type", Value: []byte(payload.Type(batch[i].What))}},
		}), append(of, i)
	}
	within, cancel := context.WithTimeout(ctx, 2*s.timeout)
	defer cancel()
	results := client.ProduceSync(within, records...)
	place := map[*kgo.Record]int{}
	for k, r := range records {
		place[r] = of[k]
	}
	for _, r := range results {
		i := place[r.Record]
		if out[i] = (deliver.Outcome{Result: deliver.Delivered}); r.Err != nil {
			out[i] = explain(r.Err)
		}
	}
	return out
}

func explain(err error) deliver.Outcome {
	var k *kerr.Error
	switch {
	case errors.Is(err, kerr.SaslAuthenticationFailed), errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return deliver.Outcome{Result: deliver.Disabled, Reason: "Kafka does not take our credentials, or does not let us write to the topic"}
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		return deliver.Outcome{Result: deliver.Refused, Reason: "the message is larger than Kafka takes"}
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return deliver.Outcome{Result: deliver.Retry, Reason: "Kafka has no such topic", Trouble: true, NotTaken: true}
	case errors.As(err, &k):
		return deliver.Outcome{Result: deliver.Retry, Reason: "Kafka answered " + k.Message, Trouble: true}
	case errors.Is(err, kgo.ErrRecordTimeout), errors.Is(err, context.DeadlineExceeded), errors.Is(err, kgo.ErrRecordRetries):
		return deliver.Outcome{Result: deliver.Retry, Reason: "Kafka: no answer in time", Trouble: true}
	}
	return deliver.Outcome{Result: deliver.Retry, Reason: "Kafka: " + outgoing.Explain(err), Trouble: true, NotTaken: outgoing.NotSent(err)}
}
