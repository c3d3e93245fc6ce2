package deliver_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/deliver/kafka"
	natskind "github.com/selfsame-id/selfsame/internal/deliver/nats"
	"github.com/selfsame-id/selfsame/internal/deliver/segment"
)

func withStreams(c *deliver.Config) {
	c.Kinds = map[string]deliver.Kind{"nats": natskind.Kind{}, "kafka": kafka.Kind{}, "segment": segment.Kind{}}
}

// happens has two people become what the tests look for.
func (r *rig) happens() {
	for n := 1; n <= 2; n++ {
		r.world.Create(deliver.User(n))
		r.world.Set(deliver.User(n), "vip", 1)
		r.world.Set(deliver.User(n), "orders", 2)
	}
	r.Wake()
}

var happened = []string{"audience.entered u1 vip", "audience.entered u2 vip", "trait.set u1 orders 2", "trait.set u2 orders 2"}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

// NATS is the real server, embedded from its module.
func TestAStreamOfNATS(t *testing.T) {
	server, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true, Username: "shop", Password: "hush"})
	if err != nil {
		t.Fatal(err)
	}
	server.Start()
	defer func() { server.Shutdown(); server.WaitForShutdown() }()
	if !server.ReadyForConnections(2 * time.Minute) {
		t.Fatal("the server does not start")
	}
	r := start(t, withStreams)
	r.apply(t, fmt.Sprintf("destinations: {bus: {type: nats, send: {audiences: all, traits: all}, nats: {servers: %q, user: shop, password: hush, subject: 'people.{space}.{type}', timeout: 1s}}}", server.ClientURL()))
	r.happens()
	r.until(t, func(s *deliver.Status) bool {
		return s.Counts.LastReason == "no stream of NATS takes this subject" && s.Queued == 4
	})

	conn, err := nats.Connect(server.ClientURL(), nats.UserInfo("shop", "hush"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "PEOPLE", Subjects: []string{"people.>"}})
	if err != nil {
		t.Fatal(err)
	}
	r.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 4 && s.Queued == 0 })
	var got []string
	for seq := uint64(1); seq <= 4; seq++ {
		m, err := stream.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, described(m.Data))
		if !strings.HasPrefix(m.Subject, "people.test.") || m.Header.Get("Nats-Msg-Id") == "" || m.Header.Get("Selfsame-Profile") == "" {
			t.Errorf("%s %v", m.Subject, m.Header)
		}
	}
	if !slices.Equal(sorted(got), happened) {
		t.Errorf("%q", got)
	}
	if _, err := r.ApplyDestinations(t.Context(), []byte(fmt.Sprintf("destinations: {bus: {type: nats, send: {audiences: all}, nats: {servers: %q, user: shop, password: wrong}}}", server.ClientURL()))); err != nil {
		t.Fatal(err)
	}
	r.set(deliver.User(1), "vip", 0)
	if s := r.until(t, func(s *deliver.Status) bool { return s.Stopped != nil }); s.Stopped.Reason != "NATS does not take our credentials" {
		t.Errorf("%+v", s.Stopped)
	}
}

// Kafka is kfake, a fake of its protocol by the authors of the client.
func TestATopicOfKafka(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "people"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	r := start(t, withStreams)
	document := "destinations: {bus: {type: kafka, send: {audiences: all, traits: all}, kafka: {brokers: %q, topic: %s, timeout: 2s}}}"
	r.apply(t, fmt.Sprintf(document, cluster.ListenAddrs()[0], "people"))
	r.happens()
	r.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 4 && s.Queued == 0 })
	consumer, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics("people"))
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	var got []string
	keys := map[string]int32{}
	for len(got) < 4 {
		fetches := consumer.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(rec *kgo.Record) {
			got = append(got, described(rec.Value))
			if p, known := keys[string(rec.Key)]; known && p != rec.Partition {
				t.Errorf("the profile %s is in two partitions", rec.Key)
			}
			keys[string(rec.Key)] = rec.Partition
			if len(rec.Headers) != 2 || rec.Headers[0].Key != "selfsame-id" || !strings.HasPrefix(string(rec.Headers[0].Value), "msg_") {
				t.Errorf("%v", rec.Headers)
			}
		})
	}
	if !slices.Equal(sorted(got), happened) || len(keys) != 2 {
		t.Errorf("%q, %v", got, keys)
	}
}

func TestATrackingAPI(t *testing.T) {
	var mu sync.Mutex
	var got []map[string]any
	status := http.StatusOK
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		b, _ := io.ReadAll(r.Body)
		var body struct{ Batch []map[string]any }
		key, _, _ := r.BasicAuth()
		switch err := json.Unmarshal(b, &body); {
		case r.URL.Path != "/v1/batch" || err != nil:
			w.WriteHeader(http.StatusNotFound)
		case key != "wk_1":
			w.WriteHeader(http.StatusUnauthorized)
		case status != http.StatusOK:
			w.WriteHeader(status)
		case strings.Contains(string(b), `"userId":"u2"`): // takes nothing that is about u2
			w.WriteHeader(http.StatusBadRequest)
		default:
			got = append(got, body.Batch...)
		}
	}))
	defer api.Close()
	r := start(t, withStreams)
	status = http.StatusServiceUnavailable
	r.apply(t, fmt.Sprintf("destinations: {other: {type: segment, send: {audiences: all, traits: all}, segment: {endpoint: %q, write_key: wk_1}}}", api.URL))
	r.happens()
	r.until(t, func(s *deliver.Status) bool { return s.Counts.Failures > 0 })
	mu.Lock()
	status = http.StatusOK
	mu.Unlock()
	r.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 2 && s.Counts.Refused == 2 && s.Queued == 0 })
	mu.Lock()
	defer mu.Unlock()
	var calls []string
	for _, c := range got {
		calls = append(calls, fmt.Sprint(c["type"], c["userId"], c["traits"]))
	}
	if want := []string{"identifyu1map[orders:2]", "identifyu1map[vip:true]"}; !slices.Equal(sorted(calls), want) {
		t.Errorf("%q", calls)
	}
}
