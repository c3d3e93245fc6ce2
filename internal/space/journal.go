package space

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// What the journal holds is never taken for granted: a body, a header or a block
// that cannot be read costs its events and nothing else. Such an event is a hole. It
// keeps its place, its moment and all that was derived from it; readers show it as
// damaged, and verify names it.

// readHeads reads the header of a block; nil if it is gone or cannot be read.
func readHeads(ctx context.Context, r kv.Reader, keys codec.Keyspace, block event.Block) ([]blockEvent, error) {
	values, err := r.Get(ctx, codec.Headers.Key(keys, block))
	if err != nil || values[0] == nil {
		return nil, err
	}
	heads, err := decodeHeader(values[0])
	if err != nil {
		return nil, nil
	}
	return heads, nil
}

// openBlock is a block as readers use it.
type openBlock struct {
	id     event.Block
	heads  []blockEvent // nil: the header is gone or cannot be read
	bodies [][]byte     // nil: they are gone or cannot be read
	erased tombstones
	damage string // what of the block cannot be read, for people; "" if all can
}

// readBlock reads a block.
func readBlock(ctx context.Context, r kv.Reader, keys codec.Keyspace, block event.Block) (*openBlock, error) {
	values, err := r.Get(ctx, blockKeys(keys, block)...)
	if err != nil {
		return nil, err
	}
	return openBlockOf(block, values), nil
}

// readBlocks reads the blocks of some events together.
func readBlocks(ctx context.Context, r kv.Reader, keys codec.Keyspace, events []event.Moment) (map[event.Block]*openBlock, error) {
	blocks := map[event.Block]*openBlock{}
	var order []event.Block
	var ask [][]byte
	for _, at := range events {
		block := at.Arrival.Block()
		if _, known := blocks[block]; !known {
			blocks[block] = nil
			order = append(order, block)
			ask = append(ask, blockKeys(keys, block)...)
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
		blocks[block] = openBlockOf(block, values[3*i:3*i+3])
	}
	return blocks, nil
}

// blockKeys is the keys of all that is kept of a block.
func blockKeys(ks codec.Keyspace, block event.Block) [][]byte {
	return [][]byte{codec.Headers.Key(ks, block), codec.Bodies.Key(ks, block), codec.Erased.Key(ks, block)}
}

// openBlockOf opens what the keys of a block have for values.
func openBlockOf(block event.Block, values [][]byte) *openBlock {
	b := &openBlock{id: block}
	var err error
	switch {
	case values[0] == nil:
		b.damage = "the block's header is missing"
		return b
	case values[1] == nil:
		b.damage = "the block's bodies are missing"
	}
	if b.heads, err = decodeHeader(values[0]); err != nil {
		b.heads, b.damage = nil, "the block's header cannot be read"
		return b
	}
	if values[2] != nil {
		if b.erased, err = decodeTombstones(values[2]); err != nil {
			// What was erased is not known, so nothing may be shown.
			b.damage = "what was erased of the block cannot be read"
			return b
		}
	}
	if values[1] == nil {
		return b
	}
	if b.bodies, err = unpackBodies(values[1]); err != nil {
		b.bodies, b.damage = nil, "the block's bodies cannot be read"
	} else if len(b.bodies) != len(b.heads) {
		b.bodies, b.damage = nil, "the block has other bodies than its header says"
	}
	return b
}

// state is what became of an event of the journal.
type state uint8

const (
	stateWhole   state = iota
	stateGone          // it was a repeat, or erased
	stateDamaged       // a hole: it cannot be read
)

// event reads the event with an ordinal. The message is told of a whole event only.
func (b *openBlock) event(ordinal int) (StoredEvent, event.Message, state) {
	if ordinal >= len(b.heads) || b.heads[ordinal].Type == 0 || b.erased.has(ordinal) {
		return StoredEvent{}, event.Message{}, stateGone
	}
	h := &b.heads[ordinal]
	e := StoredEvent{
		MessageID: h.GivenID, Time: h.Time, ReceivedAt: h.ReceivedAt, Arrival: b.id.At(ordinal), Source: h.Source, Type: h.Type,
	}
	if b.bodies != nil {
		if m, err := event.ParseStored(b.bodies[ordinal], h.stored()); err == nil {
			e.Body, e.MessageID, e.Name = m.Body, m.MessageID, shownName(h.Type, m.Name)
			return e, m, stateWhole
		}
	}
	e.Name = shownName(h.Type, "")
	e.Damaged = true
	return e, event.Message{}, stateDamaged
}

// at reads the event that an index names. If the header does not know it, its
// moment is all that is told.
func (b *openBlock) at(m event.Moment) (StoredEvent, event.Message, state) {
	ordinal := m.Arrival.Ordinal()
	e, msg, st := b.event(ordinal)
	if st == stateGone && !b.erased.has(ordinal) {
		return StoredEvent{Time: m.Time, ReceivedAt: m.ReceivedAt, Arrival: m.Arrival, Damaged: true}, event.Message{}, stateDamaged
	}
	return e, msg, st
}

// shownName is an event's name in the Profile API.
func shownName(t event.Type, name string) string {
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

// readStored reads one event of the journal, which may be a hole.
func readStored(ctx context.Context, r kv.Reader, keys codec.Keyspace, m event.Moment) (StoredEvent, error) {
	b, err := readBlock(ctx, r, keys, m.Arrival.Block())
	if err != nil {
		return StoredEvent{}, err
	}
	e, _, _ := b.at(m)
	return e, nil
}
