package deliver

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Status is what people see of a destination.
type Status struct {
	Key         string
	Type        string
	Name        string
	Description string
	Disabled    bool // by its definition
	Stopped     *Stopped
	SetAt       int64 // ns since 1970
	SetBy       string
	Definition  []byte // YAML, without secrets
	Queued      int64  // messages that wait
	// Oldest is when the oldest of them was made, ns since 1970; 0: none waits.
	Oldest      int64
	DeadLetters int64
	Counts      Counts
	// Baseline is how many profiles were looked at for the baseline that is being taken
	// now; -1: none is.
	Baseline int64
	// Ready means that there is a baseline of all that is subscribed.
	Ready bool
	// Behind reports whether records of the feed wait to be read.
	Behind bool
}

// Destinations shows all destinations, by their keys.
func (s *Dispatcher) Destinations(ctx context.Context) ([]*Status, error) {
	out := []*Status{}
	for _, d := range s.all() {
		one, err := d.status(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// Destination shows one destination. ErrNotFound.
func (s *Dispatcher) Destination(ctx context.Context, key string) (*Status, error) {
	d, err := s.find(key)
	if err != nil {
		return nil, err
	}
	return d.status(ctx)
}

func (d *destination) status(ctx context.Context) (*Status, error) {
	r, err := d.on.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	v, err := r.Get(ctx, codec.DestinationStates.Key(d.on.keys, d.number))
	if err != nil {
		return nil, err
	}
	var st state
	if v[0] == nil || json.Unmarshal(v[0], &st) != nil {
		return nil, fmt.Errorf("%w: the state of the destination %s", kv.ErrCorrupt, d.def.Key)
	}
	s := &Status{
		Key: d.def.Key, Type: d.def.Type, Name: d.def.Name, Description: d.def.Description, Disabled: d.def.Disabled,
		Stopped: d.stoppedBy(&st), SetAt: d.setAt, SetBy: d.setBy, Definition: d.def.Text(), Queued: st.Queued, DeadLetters: st.Dead, Counts: st.Counts, Baseline: -1,
	}
	if st.Baseline != nil {
		s.Baseline = st.Baseline.Done
	}
	from, to := codec.Under(codec.DeliveryQueue.Of(d.on.keys, d.number))
	oldest, err := r.Scan(ctx, from, to, 1, false)
	if err != nil {
		return nil, err
	}
	for _, e := range oldest {
		m, err := decodeEntry(0, e.Value)
		if err != nil {
			return nil, err
		}
		s.Oldest = m.Message.Queued
	}
	keys, err := d.on.source.Keys(ctx)
	if err != nil {
		return nil, err
	}
	s.Ready = true
	for name := range complete(d.def.subscriptions(keys)) {
		s.Ready = s.Ready && st.Known[name]
	}
	more, _, err := d.on.source.Feed(ctx, st.Cursor, 1)
	s.Behind = len(more) > 0
	return s, err
}

// Delivery is a message that waits or a dead letter, as people see it.
type Delivery struct {
	Seq     uint64 // its number, by which it is sent again
	Message Message
	Tries   int
	Next    int64  // when it is tried next, ns since 1970; 0: it is a dead letter
	Reason  string // why it was not delivered so far
	Result  Result // of a dead letter
	At      int64  // when it became one, ns since 1970
}

// DeliveryPage is a page of deliveries; Next is "" on the last.
type DeliveryPage struct {
	Deliveries []Delivery
	Next       string
}

// QueuedMessages lists the messages that wait, the oldest first. next goes on where a page
// ended; limit is 1 to 1000.
func (s *Dispatcher) QueuedMessages(ctx context.Context, key, next string, limit int) (*DeliveryPage, error) {
	return s.deliveries(ctx, key, next, limit, codec.DeliveryQueue.Key, codec.DeliveryQueue.Of, func(seq uint64, v []byte) (Delivery, error) {
		e, err := decodeEntry(seq, v)
		if err != nil {
			return Delivery{}, err
		}
		return Delivery{Seq: seq, Message: e.Message, Tries: e.Tries, Next: e.Next, Reason: e.Reason}, nil
	})
}

// DeadLetters lists what was not delivered, or may not have been, the oldest first.
func (s *Dispatcher) DeadLetters(ctx context.Context, key, next string, limit int) (*DeliveryPage, error) {
	return s.deliveries(ctx, key, next, limit, codec.DeadLetters.Key, codec.DeadLetters.Of, func(seq uint64, v []byte) (Delivery, error) {
		l, err := decodeDeadLetter(seq, v)
		if err != nil {
			return Delivery{}, err
		}
		return Delivery{Seq: seq, Message: l.Message, Tries: l.Tries, Reason: l.Why, Result: l.Result, At: l.At}, nil
	})
}

func (s *Dispatcher) deliveries(ctx context.Context, key, next string, limit int, keyOf func(codec.Keyspace, uint32, uint64) []byte, under func(codec.Keyspace, uint32) []byte, read func(uint64, []byte) (Delivery, error)) (*DeliveryPage, error) {
	d, err := s.find(key)
	if err != nil {
		return nil, err
	}
	after := uint64(0)
	if next != "" {
		if after, err = strconv.ParseUint(next, 10, 64); err != nil {
			return nil, ErrBadCursor
		}
	}
	limit = min(max(limit, 1), 1000)
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	_, to := codec.Under(under(s.keys, d.number))
	rows, err := r.Scan(ctx, keyOf(s.keys, d.number, after+1), to, limit+1, false)
	if err != nil {
		return nil, err
	}
	page := &DeliveryPage{Deliveries: []Delivery{}}
	for i, row := range rows {
		_, seq, ok := codec.DeliveryQueue.Parse(row.Key)
		if !ok {
			_, seq, ok = codec.DeadLetters.Parse(row.Key)
		}
		if !ok {
			return nil, kv.ErrCorrupt
		}
		if i == limit {
			page.Next = strconv.FormatUint(page.Deliveries[i-1].Seq, 10)
			break
		}
		one, err := read(seq, row.Value)
		if err != nil {
			return nil, err
		}
		page.Deliveries = append(page.Deliveries, one)
	}
	return page, nil
}
