package space

import (
	"context"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/space/codec"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/kv"
)

func readHeads(ctx context.Context, r kv.Reader, keys codec.Keyspace, block uint64) ([]blockEvent, error) {
	values, err := r.Get(ctx, codec.Headers.Key(keys, block))
	if err != nil || values[0] == nil {
		return nil, err
	}
	return decodeHeader(values[0])
}

// openBlock is a block as readers use it.
type openBlock struct {
	heads  []blockEvent
	bodies [][]byte
	erased tombstones
}

// readBlock reads a block; nil if it is gone.
func readBlock(ctx context.Context, r kv.Reader, keys codec.Keyspace, block uint64) (*openBlock, error) {
	values, err := r.Get(ctx, blockKeys(keys, block)...)
	if err != nil {
		return nil, err
	}
	return openBlockOf(block, values)
}

// readBlocks reads the blocks of some events together. Those that are gone are
// not in it.
func readBlocks(ctx context.Context, r kv.Reader, keys codec.Keyspace, places []place) (map[uint64]*openBlock, error) {
	blocks := map[uint64]*openBlock{}
	var order []uint64
	var ask [][]byte
	for _, at := range places {
		if _, known := blocks[at.block]; !known {
			blocks[at.block] = nil
			order = append(order, at.block)
			ask = append(ask, blockKeys(keys, at.block)...)
		}
	}
	values, err := r.Get(ctx, ask...)
	if err != nil {
		return nil, err
	}
	for i, block := range order {
		if blocks[block], err = openBlockOf(block, values[3*i:3*i+3]); err != nil {
			return nil, err
		}
	}
	return blocks, nil
}

// blockKeys is the keys of all that is kept of a block.
func blockKeys(ks codec.Keyspace, block uint64) [][]byte {
	return [][]byte{codec.Headers.Key(ks, block), codec.Bodies.Key(ks, block), codec.Erased.Key(ks, block)}
}

// openBlockOf opens what the keys of a block have for values; nil if it is gone.
func openBlockOf(block uint64, values [][]byte) (b *openBlock, err error) {
	if values[0] == nil || values[1] == nil {
		return nil, nil
	}
	b = &openBlock{}
	if b.heads, err = decodeHeader(values[0]); err != nil {
		return nil, err
	}
	if b.bodies, err = unpackBodies(values[1]); err != nil {
		return nil, err
	}
	if len(b.bodies) != len(b.heads) {
		return nil, fmt.Errorf("%w: block %d has %d heads and %d bodies", kv.ErrCorrupt, block, len(b.heads), len(b.bodies))
	}
	if values[2] != nil {
		if b.erased, err = decodeTombstones(values[2]); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// event returns an event of the block; false if it is a repeat or was erased.
func (b *openBlock) event(ordinal int) (StoredEvent, event.Message, bool, error) {
	if ordinal >= len(b.heads) || b.heads[ordinal].Type == 0 || b.erased.has(ordinal) {
		return StoredEvent{}, event.Message{}, false, nil
	}
	h := &b.heads[ordinal]
	m, err := parseStored(b.bodies[ordinal], h)
	if err != nil {
		return StoredEvent{}, event.Message{}, false, fmt.Errorf("%w: a stored event cannot be read: %w", kv.ErrCorrupt, err)
	}
	if h.GivenID != "" {
		m.MessageID = h.GivenID
	}
	m.Time, m.ReceivedAt = h.Time, h.ReceivedAt
	return StoredEvent{
		Body: b.bodies[ordinal], MessageID: m.MessageID, Time: h.Time, ReceivedAt: h.ReceivedAt,
		Source: h.Source, Type: h.Type, Name: shownName(h.Type, m.Name),
	}, m, true, nil
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

// readStored reads one event of the journal.
func readStored(ctx context.Context, r kv.Reader, keys codec.Keyspace, ref eventRef) (StoredEvent, error) {
	b, err := readBlock(ctx, r, keys, ref.block)
	if err != nil {
		return StoredEvent{}, err
	}
	if b == nil {
		return StoredEvent{}, fmt.Errorf("%w: block %d is missing", kv.ErrCorrupt, ref.block)
	}
	e, _, ok, err := b.event(ref.ordinal)
	if err == nil && !ok {
		err = fmt.Errorf("%w: event %d of block %d is missing", kv.ErrCorrupt, ref.ordinal, ref.block)
	}
	return e, err
}
