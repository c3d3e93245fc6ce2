package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/test/instance"
	"github.com/selfsame-id/selfsame/test/wire"
)

const (
	webhookTitle = "From the request of an event to the webhook that it leads to"
	rowQuiet     = "nothing else"
	rowHalf      = "events at half speed"
)

// marked is an audience that an event of that name leads into at once, and a
// destination that is told so.
const marked = `  marked: {when: 'events("Marked").count() >= 1'}
destinations:
  receiver:
    type: webhook
    send: {audiences: [marked]}
    webhook: {url: "http://%s/", secret: whsec_c2Vna2lja3MtZXhhbXBsZS1zZWNyZXQtMDAwMQ==}
`

// marks is how many such events there are a second, each of another person.
const marks = 50

// webhook measures how long an event takes to a receiver on this machine, with 20
// computed traits and 10 audiences defined.
func (b *bench) webhook() error {
	data, err := b.data()
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	r := &receiver{came: map[string]time.Time{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: r}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	p, err := b.start(data)
	if err != nil {
		return err
	}
	defer p.Kill()
	if err := define(p, definitions+fmt.Sprintf(marked, l.Addr())); err != nil {
		return err
	}
	// What became true before it was attached it is not told.
	err = await(p, "/api/spaces/dev/destinations/receiver", func(answer []byte) (bool, error) {
		var d struct{ State string }
		err := json.Unmarshal(answer, &d)
		return d.State == "working", err
	})
	if err != nil {
		return err
	}
	t := b.tables.at(webhookTitle, fmt.Sprintf("%d a second, beside", marks), "p99 ms", "p50 ms", "came", "sent", "events/s beside", "p99 ms of theirs")
	for _, name := range []string{rowQuiet, rowHalf} {
		if err := b.hooked(t, name, p, r); err != nil {
			b.say("%s", p.Log())
			return err
		}
	}
	return p.Stop()
}

// hooked measures webhooks beside something.
func (b *bench) hooked(t *table, name string, p *instance.Process, r *receiver) error {
	n := int(marks * (b.warm + b.measure).Seconds())
	sent := make(map[string]time.Time, n)
	failed := make(chan error, 1)
	go func() { failed <- mark(p.Addr, name[:1], n, sent) }()
	beside, late := missing, missing
	if name == rowHalf {
		out, err := b.apply(p, b.pouring(p.Addr))
		if err != nil {
			return err
		}
		beside, late = count(out[0].rate()*halfSize), millis(out[0].quantile(0.99))
		t.remarkOn(b.row(name)+", their requests", &out[0])
	}
	if err := <-failed; err != nil {
		return err
	}
	// What is late is waited for: it is what p99 is about.
	for end := time.Now().Add(20 * time.Second); r.count(sent) < n && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	o := outcome{took: r.since(sent)}
	slices.Sort(o.took)
	t.add(b.row(name), millis(o.quantile(0.99)), millis(o.quantile(0.5)), count(len(o.took)), count(n), beside, late)
	if len(o.took) < n {
		t.remark("%s: not all webhooks came within 20 s after the last event.", b.row(name))
	}
	return nil
}

// mark sends events of new people, each when it is due, and notes when that was.
func mark(addr, prefix string, n int, sent map[string]time.Time) error {
	c, err := wire.Dial(addr, 10*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	began := time.Now()
	for i := range n {
		due := began.Add(time.Duration(i) * time.Second / marks)
		time.Sleep(time.Until(due))
		user := fmt.Sprintf("%s-%d", prefix, i)
		sent[user] = due
		res, err := c.Do(wire.AppendRequest(nil, host, "/v1/track", wire.Basic(writeKey),
			fmt.Appendf(nil, `{"type":"track","event":"Marked","userId":%q,"messageId":"mark-%s"}`, user, user)))
		if err != nil {
			return err
		}
		if res.Status != http.StatusOK {
			return fmt.Errorf("a mark: status %d", res.Status)
		}
	}
	return nil
}

// receiver notes when a webhook about a user came first.
type receiver struct {
	mu   sync.Mutex
	came map[string]time.Time
}

func (r *receiver) ServeHTTP(_ http.ResponseWriter, req *http.Request) {
	now := time.Now()
	text, err := io.ReadAll(io.LimitReader(req.Body, 1<<20))
	var m struct {
		Data struct{ Identifier struct{ ID string } }
	}
	if err != nil || json.Unmarshal(text, &m) != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, again := r.came[m.Data.Identifier.ID]; !again {
		r.came[m.Data.Identifier.ID] = now
	}
}

func (r *receiver) count(sent map[string]time.Time) int { return len(r.since(sent)) }

// since gives how long each took that came.
func (r *receiver) since(sent map[string]time.Time) (took []time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for user, at := range sent {
		if came, ok := r.came[user]; ok {
			took = append(took, came.Sub(at))
		}
	}
	return took
}
