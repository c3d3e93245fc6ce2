package journal

import (
	"context"
	"strings"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// What the journal holds is never taken for granted: a body, a header or a block
// that cannot be read costs its events and nothing else. Such an event is a hole. It
// keeps its place, its moment and all that was derived from it; readers show it as
// damaged, and verify names it.

// ReadHeads reads the header of a block; nil if it is gone or cannot be read.
func ReadHeads(ctx context.Context, r kv.Reader, keys codec.Keyspace, block event.Block) ([]Head, error) {
	values, err := r.Get(ctx, codec.Headers.Key(keys, block))
	if err != nil || values[0] == nil {
		return nil, err
	}
	heads, err := DecodeHeader(values[0])
	if err != nil {
		return nil, nil
	}
	return heads, nil
}

// Event is one stored event.
type Event struct {
	Body       []byte // exactly as sent
	MessageID  string // as sent, or the one it was given
	Time       int64  // nanoseconds since 1970
	ReceivedAt int64
	Arrival    event.Arrival
	Source     string
	Type       event.Type
	Name       string // as shown: track's event, "Page Viewed", "Screen Viewed"; "" for others
	// Damaged says that the event cannot be read any more. Body is nil then, Type 0
	// if that is lost too, and MessageID "" unless it is kept apart from the body.
	Damaged bool
}

// Traits is what a stored event, whose body is m, says of users or accounts.
func (e *Event) Traits(c identity.Collection, m *event.Message) []profile.Trait {
	said := *m
	said.MessageID = strings.Clone(e.MessageID)
	switch {
	case c == identity.Users && m.Type == event.Identify:
		return profile.UserTraits(&said, e.Source, e.Arrival)
	case c == identity.Accounts && m.Type == event.Group:
		return profile.AccountTraits(&said, e.Source, e.Arrival)
	}
	return nil
}

// Block is a block as readers use it.
type Block struct {
	ID     event.Block
	Heads  []Head   // nil: the header is gone or cannot be read
	Bodies [][]byte // nil: they are gone or cannot be read
	Erased Tombstones
	Damage string // what of the block cannot be read, for people; "" if all can
}

// Read reads a block.
func Read(ctx context.Context, r kv.Reader, keys codec.Keyspace, block event.Block) (*Block, error) {
	values, err := r.Get(ctx, Keys(keys, block)...)
	if err != nil {
		return nil, err
	}
	return open(block, values), nil
}

// ReadMany reads the blocks of some events together.
func ReadMany(ctx context.Context, r kv.Reader, keys codec.Keyspace, events []event.Moment) (map[event.Block]*Block, error) {
	blocks := map[event.Block]*Block{}
	var order []event.Block
	var ask [][]byte
	for _, at := range events {
		block := at.Arrival.Block()
		if _, known := blocks[block]; !known {
			blocks[block] = nil
			order = append(order, block)
			ask = append(ask, Keys(keys, block)...)
		}
	}
	if len(ask) == 0 {
		return blocks, nil
	}
	values, err := r.Get(ctx, ask...)
	if err != nil {
		return nil, err
	}
	for i, block := range order {
		blocks[block] = open(block, values[3*i:3*i+3])
	}
	return blocks, nil
}

// ReadEach reads blocks, a few in one round trip, and hands them to fn in their
// order. An error of fn ends it and is returned.
func ReadEach(ctx context.Context, r kv.Reader, keys codec.Keyspace, blocks []event.Block, fn func(*Block) error) error {
	const together = 16
	var ask [][]byte
	for len(blocks) > 0 {
		n := min(len(blocks), together)
		ask = ask[:0]
		for _, block := range blocks[:n] {
			ask = append(ask, Keys(keys, block)...)
		}
		values, err := r.Get(ctx, ask...)
		if err != nil {
			return err
		}
		for i, block := range blocks[:n] {
			if err := fn(open(block, values[3*i:3*i+3])); err != nil {
				return err
			}
		}
		blocks = blocks[n:]
	}
	return nil
}

// Keys is the keys of all that is kept of a block.
func Keys(ks codec.Keyspace, block event.Block) [][]byte {
	return [][]byte{codec.Headers.Key(ks, block), codec.Bodies.Key(ks, block), codec.Erased.Key(ks, block)}
}

// open opens what the keys of a block have for values.
func open(block event.Block, values [][]byte) *Block {
	b := &Block{ID: block}
	var err error
	switch {
	case values[0] == nil:
		b.Damage = "the block's header is missing"
		return b
	case values[1] == nil:
		b.Damage = "the block's bodies are missing"
	}
	if b.Heads, err = DecodeHeader(values[0]); err != nil {
		b.Heads, b.Damage = nil, "the block's header cannot be read"
		return b
	}
	if values[2] != nil {
		if b.Erased, err = decodeTombstones(values[2]); err != nil {
			// What was erased is not known, so nothing may be shown.
			b.Damage = "what was erased of the block cannot be read"
			return b
		}
	}
	if values[1] == nil {
		return b
	}
	if b.Bodies, err = UnpackBodies(values[1]); err != nil {
		b.Bodies, b.Damage = nil, "the block's bodies cannot be read"
	} else if len(b.Bodies) != len(b.Heads) {
		b.Bodies, b.Damage = nil, "the block has other bodies than its header says"
	}
	return b
}

// State is what became of an event of the journal.
type State uint8

const (
	Whole   State = iota
	Gone          // it was erased
	Damaged       // a hole: it cannot be read
)

// Event reads the event with an ordinal. The message is told of a whole event only.
func (b *Block) Event(ordinal int) (Event, event.Message, State) {
	if ordinal >= len(b.Heads) || b.Heads[ordinal].Type == 0 || b.Erased.has(ordinal) {
		return Event{}, event.Message{}, Gone
	}
	h := &b.Heads[ordinal]
	e := Event{
		MessageID: h.GivenID, Time: h.Time, ReceivedAt: h.ReceivedAt, Arrival: b.ID.At(ordinal), Source: h.Source, Type: h.Type,
	}
	if b.Bodies != nil {
		if m, err := event.ParseStored(b.Bodies[ordinal], h.stored()); err == nil {
			e.Body, e.MessageID, e.Name = m.Body, m.MessageID, ShownName(h.Type, m.Name)
			return e, m, Whole
		}
	}
	e.Name = ShownName(h.Type, "")
	e.Damaged = true
	return e, event.Message{}, Damaged
}

// At reads the event that an index names. If the header does not know it, its
// moment is all that is told.
func (b *Block) At(m event.Moment) (Event, event.Message, State) {
	ordinal := m.Arrival.Ordinal()
	e, msg, st := b.Event(ordinal)
	if st == Gone && !b.Erased.has(ordinal) {
		return Event{Time: m.Time, ReceivedAt: m.ReceivedAt, Arrival: m.Arrival, Damaged: true}, event.Message{}, Damaged
	}
	return e, msg, st
}

// ShownName is an event's name in the Profile API.
func ShownName(t event.Type, name string) string {
	switch t {
	case event.Track:
		return name
	case event.Page:
		return "Page Viewed"
	case event.Screen:
		return "Screen Viewed"
	}
	return ""
}

// ReadEvent reads one event of the journal, which may be a hole.
func ReadEvent(ctx context.Context, r kv.Reader, keys codec.Keyspace, m event.Moment) (Event, error) {
	b, err := Read(ctx, r, keys, m.Arrival.Block())
	if err != nil {
		return Event{}, err
	}
	e, _, _ := b.At(m)
	return e, nil
}
