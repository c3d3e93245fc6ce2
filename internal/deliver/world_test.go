package deliver

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// world is a Source whose truth is simple: each identifier has a number of each key,
// profiles are groups of identifiers, and a profile's number is the sum. The value of
// a trait is that number, unless it is 0; an audience has whoever's number is above 0.
type world struct {
	mu      sync.Mutex
	keys    []Key
	numbers map[Identifier]map[string]int
	traits  map[Identifier]map[string]string
	groups  map[string][]Identifier // profile → its identifiers
	leads   map[string]string       // merged profile → where it leads
	records []feed.Record
	events  map[event.Block][]StoredEvent
	next    int
	// now, if it is set, is when values become so; else a value has been so since its
	// number of nanoseconds after 1970.
	now   func() time.Time
	since map[Identifier]map[string]int64
	// reading is called when profiles are about to be read; nil: nothing is.
	reading func()
}

func newWorld(keys ...Key) *world {
	return &world{
		keys: keys, numbers: map[Identifier]map[string]int{}, groups: map[string][]Identifier{}, leads: map[string]string{},
		events: map[event.Block][]StoredEvent{},
	}
}

func (w *world) commit(changes ...feed.Change) {
	seq := uint64(len(w.records) + 1)
	w.records = append(w.records, feed.Record{Lane: 1, Seq: seq, Time: int64(seq), Changes: changes})
}

// create makes a profile of identifiers.
func (w *world) create(ids ...Identifier) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.found(ids...)
}

func (w *world) found(ids ...Identifier) string {
	w.next++
	p := fmt.Sprintf("use_%04d", w.next)
	w.groups[p] = ids
	w.commit(feed.Change{Kind: feed.ProfileCreated, Profile: p}, feed.Change{Kind: feed.IDAdded, Profile: p})
	return p
}

// add gives a profile another identifier.
func (w *world) add(p string, id Identifier) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.groups[p] = append(w.groups[p], id)
	w.commit(feed.Change{Kind: feed.IDAdded, Profile: p, IDType: id.Type, IDValue: id.Value})
}

// lose takes an identifier away from a profile; nobody has it then.
func (w *world) lose(p string, id Identifier) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.groups[p] = slices.DeleteFunc(w.groups[p], func(o Identifier) bool { return o == id })
	w.commit(feed.Change{Kind: feed.IDRemoved, Profile: p, IDType: id.Type, IDValue: id.Value})
}

// merge makes b a part of a.
func (w *world) merge(a, b string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.groups[a] = append(w.groups[a], w.groups[b]...)
	delete(w.groups, b)
	w.leads[b] = a
	w.commit(feed.Change{Kind: feed.Merged, Profile: a, From: b, Time: 1})
}

// split makes the last n identifiers of a profile a profile of their own.
func (w *world) split(p string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := w.groups[p]
	w.next++
	q := fmt.Sprintf("use_%04d", w.next)
	w.groups[p], w.groups[q] = slices.Clone(ids[:len(ids)-n]), slices.Clone(ids[len(ids)-n:])
	w.commit(feed.Change{Kind: feed.Unmerged, Profile: q, From: p, Time: 1})
}

// set sets an identifier's number of a key.
func (w *world) set(id Identifier, key string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.numbers[id] == nil {
		w.numbers[id] = map[string]int{}
	}
	w.numbers[id][key] = n
	if w.now != nil {
		if w.since == nil {
			w.since = map[Identifier]map[string]int64{}
		}
		if w.since[id] == nil {
			w.since[id] = map[string]int64{}
		}
		w.since[id][key] = w.now().UnixNano()
	}
	for p, ids := range w.groups {
		if slices.Contains(ids, id) {
			w.commit(feed.Change{Kind: 99, Profile: p}) // whatever kind tells of computed values
		}
	}
}

// happen stores an event of a profile.
func (w *world) happen(p, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	block := event.NewBlock(uint64(len(w.records)+1), 1)
	w.events[block] = []StoredEvent{{Profile: p, Name: name, Type: "track", Body: json.RawMessage(fmt.Sprintf(`{"event":%q,"messageId":"m%d"}`, name, len(w.records)))}}
	w.commit()
	w.records[len(w.records)-1].Blocks = []event.Block{block}
	w.records[len(w.records)-1].Events = 1
}

func (w *world) Feed(_ context.Context, cursor string, limit int) ([]feed.Record, string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, err := feed.ParseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	after := w.records[c[1]:]
	after = slices.Clone(after[:min(limit, len(after))])
	return after, feed.Cursor{1: c[1] + uint64(len(after))}.String(), nil
}

func (w *world) End(context.Context) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return feed.Cursor{1: uint64(len(w.records))}.String(), nil
}

func (w *world) Keys(context.Context) ([]Key, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.keys), nil
}

func (w *world) truth(p string) *Profile {
	out := &Profile{ID: p, Identifiers: slices.Clone(w.groups[p]), Values: map[string]Value{}, Traits: map[string]json.RawMessage{}}
	for _, id := range out.Identifiers {
		for name, v := range w.traits[id] {
			out.Traits[name] = json.RawMessage(v)
		}
	}
	for b := range w.leads {
		if w.leads[b] == p {
			out.Merged = append(out.Merged, b)
		}
	}
	for _, k := range w.keys {
		if !k.Complete {
			continue
		}
		n, since := 0, int64(0)
		for _, id := range out.Identifiers {
			n += w.numbers[id][k.Name]
			since = max(since, w.since[id][k.Name])
		}
		if since == 0 {
			since = int64(n)
		}
		switch {
		case k.Class == Audience && n > 0:
			out.Values[k.Name] = Value{JSON: json.RawMessage("true"), Since: since}
		case k.Class == Trait && n != 0:
			out.Values[k.Name] = Value{JSON: json.RawMessage(strconv.Itoa(n)), Since: since}
		}
	}
	return out
}

func (w *world) Profile(_ context.Context, id string) (*Profile, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.leads[id] != "" {
		id = w.leads[id]
	}
	if w.groups[id] == nil {
		return nil, ErrNotFound
	}
	return w.truth(id), nil
}

func (w *world) Profiles(ctx context.Context, ids []string, _ func(string) bool) (out []*Profile, err error) {
	if w.reading != nil {
		w.reading()
	}
	for _, id := range ids {
		p, err := w.Profile(ctx, id)
		if err == nil && !slices.ContainsFunc(out, func(o *Profile) bool { return o.ID == p.ID }) {
			out = append(out, p)
		}
	}
	return out, nil
}

func (w *world) Owner(_ context.Context, _ string, id Identifier) (*Profile, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for p, ids := range w.groups {
		if slices.Contains(ids, id) {
			return w.truth(p), nil
		}
	}
	return nil, ErrNotFound
}

func (w *world) Walk(_ context.Context, after string, limit int, _ bool) (page []*Profile, next string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range slices.Sorted(maps.Keys(w.groups)) {
		if p <= after {
			continue
		}
		if len(page) == limit {
			return page, page[limit-1].ID, nil
		}
		page = append(page, w.truth(p))
	}
	return page, "", nil
}

func (w *world) Events(_ context.Context, blocks []event.Block, f func(*StoredEvent) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range blocks {
		for i := range w.events[b] {
			if err := f(&w.events[b][i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// receiver is a kind of destinations that remembers what it was told.
type receiver struct {
	mu     sync.Mutex
	limits Limits
	own    []Subscription
	got    []Message
	answer func(*Message) Outcome // nil: delivered; what is not Refused or unread has been taken
	taken  func(*Message) bool    // whether a message reached it, if it is not delivered

	remembers time.Duration
}

func (r *receiver) Remembers() time.Duration { return r.remembers }

func (r *receiver) Parse(s *Section, _ *Definition) Settings {
	s.Secret("secret")
	s.Text("url")
	return r
}
func (r *receiver) Limits() Limits                   { return r.limits }
func (r *receiver) Subscriptions() []Subscription    { return r.own }
func (r *receiver) Open(Environment) (Sender, error) { return r, nil }
func (r *receiver) Close() error                     { return nil }

func (r *receiver) Send(_ context.Context, batch []Message) []Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Outcome, len(batch))
	for i := range batch {
		out[i] = Outcome{Result: Delivered}
		if r.answer != nil {
			out[i] = r.answer(&batch[i])
		}
		if out[i].Result == Delivered || r.taken != nil && r.taken(&batch[i]) {
			r.got = append(r.got, batch[i])
		}
	}
	return out
}

func (r *receiver) messages() []Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// clock is one that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// bench is a dispatcher over a world, whose steps the test takes.
type bench struct {
	memory   *kvtest.Memory
	world    *world
	receiver *receiver
	clock    *clock
	pauses   Pauses
	s        *Dispatcher
	breaker  breaker
}

type fataler interface {
	Helper()
	Fatal(...any)
}

func newBench(t fataler, w *world, r *receiver) *bench {
	t.Helper()
	b := &bench{memory: kvtest.NewMemory(), world: w, receiver: r, clock: newClock(), pauses: DefaultPauses}
	if r.limits.Batch == 0 {
		r.limits.Batch, r.limits.Workers = 1, 4
	}
	var batch kv.Batch
	batch.Put(codec.StoreSecret, []byte("0123456789abcdef"))
	if err := b.memory.Open().Commit(context.Background(), &batch); err != nil {
		t.Fatal(err)
	}
	b.open(t)
	return b
}

// open opens the store anew, as after a crash: what was under way is lost.
func (b *bench) open(t fataler) {
	t.Helper()
	var err error
	b.s, err = Open(context.Background(), Config{
		Space: "test", Store: b.memory.Open(), Keys: codec.NewKeyspace(1), Source: b.world, Kinds: map[string]Kind{"receiver": b.receiver},
		Now: b.clock.Now, Pauses: &b.pauses, Idle: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.breaker = breaker{}
}

func (b *bench) apply(t fataler, text string) *Plan {
	t.Helper()
	plan, err := b.s.ApplyDestinations(context.Background(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func (b *bench) one(t fataler) *destination {
	t.Helper()
	all := b.s.all()
	if len(all) != 1 {
		t.Fatal("there is not one destination")
	}
	return all[0]
}

// follow takes steps in the feed, at most n.
func (b *bench) follow(t fataler, n int) {
	t.Helper()
	d := b.one(t)
	d.mu.Lock()
	err := d.load(context.Background())
	if err == nil {
		err = d.recoverTried(context.Background())
	}
	d.mu.Unlock()
	for more := true; more && n > 0 && err == nil; n-- {
		more, err = d.follow(context.Background())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// pick takes what is due.
func (b *bench) pick(t fataler) [][]*entry {
	t.Helper()
	d := b.one(t)
	batches, _, _, err := d.pick(context.Background(), d.limits().Workers, d.limits(), [16]byte{})
	if err != nil {
		t.Fatal(err)
	}
	return batches
}

// send tries what is due once, and reports how much that was.
func (b *bench) send(t fataler) int {
	t.Helper()
	d := b.one(t)
	var all []tried
	n := 0
	for _, batch := range b.pick(t) {
		all = append(all, tried{batch, d.try(context.Background(), b.receiver, batch)})
		n += len(batch)
	}
	if n > 0 {
		for i := range all {
			b.breaker.note(&all[i], &b.pauses, b.clock.Now())
		}
		if err := d.settle(context.Background(), all); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// drain follows and sends until nothing waits.
func (b *bench) drain(t fataler) {
	t.Helper()
	for range 1000 {
		b.follow(t, 1000)
		for b.send(t) > 0 {
		}
		b.check(t, "sending")
		st, err := b.s.Destination(context.Background(), b.one(t).def.Key)
		if err != nil {
			t.Fatal(err)
		}
		if st.Queued == 0 && !st.Behind && st.Baseline < 0 {
			return
		}
		if st.Stopped != nil {
			return
		}
		b.clock.add(time.Hour)
	}
	t.Fatal("the queue does not become empty")
}

func user(n int) Identifier  { return Identifier{"user_id", fmt.Sprintf("u%d", n)} }
func anon(n int) Identifier  { return Identifier{"anonymous_id", fmt.Sprintf("a%d", n)} }
func email(n int) Identifier { return Identifier{"email", fmt.Sprintf("p%d@example.com", n)} }

var someKeys = []Key{{Name: "orders", Class: Trait, Complete: true}, {Name: "vip", Class: Audience, Complete: true}}

const tellAll = `
destinations:
  crm: {type: receiver, send: {traits: all, audiences: all}}
`

// lines describes messages, one a line, in their order.
func lines(messages []Message) (out []string) {
	for _, m := range messages {
		s := string(m.What) + " " + m.Identifier.Value + " " + m.Key
		if m.Class == Trait {
			s += " " + string(m.Value)
		}
		out = append(out, s)
	}
	return out
}

func expect(t *testing.T, got []Message, want ...string) {
	t.Helper()
	if !slices.Equal(lines(got), want) {
		t.Errorf("got\n  %q\nwant\n  %q", lines(got), want)
	}
}

// check compares the state with what lies in the queue.
func (b *bench) check(t fataler, after string) {
	t.Helper()
	d := b.one(t)
	r, err := b.s.store.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	from, to := codec.Under(codec.DeliveryQueue.Of(b.s.keys, d.number))
	queue, err := r.Scan(context.Background(), from, to, 10_000, false)
	if err != nil {
		t.Fatal(err)
	}
	from, to = codec.Under(codec.DeliveryLanes.Of(b.s.keys, d.number))
	lanes, err := r.Scan(context.Background(), from, to, 10_000, false)
	if err != nil {
		t.Fatal(err)
	}
	if d.loaded && (int(d.st.Queued) != len(queue) || len(lanes) != len(queue)) {
		t.Fatal(fmt.Sprintf("after %s: %d messages wait, and %d are in the queue, %d in lanes", after, d.st.Queued, len(queue), len(lanes)))
	}
}
