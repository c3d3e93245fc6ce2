package journal

import (
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Bodies of one request are packed by whoever sends it, before the commit, when
// they are enough to compress well; blocks are small enough that reading one event
// does not unpack megabytes.
const (
	packAheadBytes = 12 << 10
	packBytes      = 48 << 10
	packEvents     = 1 << 12
)

// Packed is a run of messages whose bodies were packed before it was known which of
// them are repeats. If any is, the run is of no use: its messages are added one by one.
type Packed struct {
	First, Count int // the messages of the run
	Bodies       []byte
}

// PackAhead packs the bodies of messages in runs that cover them in their order. It
// returns nil if they are too few to compress well: an Appender packs such bodies
// together with others. May be called by many goroutines at once.
func (p *Packer) PackAhead(messages []event.Message) []Packed {
	total := 0
	for i := range messages {
		if total += messages[i].Size(); total >= packAheadBytes {
			break
		}
	}
	if total < packAheadBytes {
		return nil
	}
	var runs []Packed
	var bodies [][]byte
	var whole []byte // bodies that were put together, until they are packed
	size, first := 0, 0
	flush := func(end int) {
		runs = append(runs, Packed{first, end - first, p.Pack(nil, bodies)})
		bodies, whole, size, first = bodies[:0], whole[:0], 0, end
	}
	for i := range messages {
		m := &messages[i]
		if len(bodies) > 0 && (size+m.Size() > packBytes || len(bodies) == packEvents) {
			flush(i)
		}
		b := m.Body
		if m.Inherited != nil {
			from := len(whole)
			whole = m.AppendBody(whole)
			b = whole[from:len(whole):len(whole)]
		}
		bodies = append(bodies, b)
		size += len(b)
	}
	flush(len(messages))
	return runs
}

// Appender fills the blocks of one commit. Events that are added one by one share
// blocks; what was packed ahead becomes a block of its own. Events get ascending
// arrival numbers in the order in which they are added.
type Appender struct {
	keys   codec.Keyspace
	packer *Packer
	put    func(key, value []byte)
	next   event.Block // the block that is filled next
	blocks []event.Block

	// The open block.
	heads  []Head
	bodies [][]byte
	size   int
}

// NewAppender makes an appender whose first block is first; further ones have the
// clocks that follow. put is called with the rows of each block when it is full, or
// by Flush; it may keep what it is given.
func NewAppender(keys codec.Keyspace, packer *Packer, first event.Block, put func(key, value []byte)) *Appender {
	return &Appender{keys: keys, packer: packer, put: put, next: first}
}

// Add adds an event and returns its arrival number.
func (a *Appender) Add(h Head, m *event.Message) event.Arrival {
	if len(a.bodies) > 0 && (a.size+m.Size() > packBytes || len(a.bodies) == packEvents) {
		a.Flush()
	}
	body := m.Body
	if m.Inherited != nil {
		body = m.AppendBody(nil)
	}
	at := a.next.At(len(a.bodies))
	a.heads, a.bodies = append(a.heads, h), append(a.bodies, body)
	a.size += len(body)
	return at
}

// AddPacked adds bodies that were packed ahead, as a block of their own, and returns
// it. Each body must be an event, with a head: what no head speaks of stays in the
// block when its person is erased.
func (a *Appender) AddPacked(heads []Head, bodies []byte) event.Block {
	a.Flush()
	return a.write(heads, bodies)
}

// Flush writes the open block. It has to be called when everything was added.
func (a *Appender) Flush() {
	if len(a.bodies) == 0 {
		return
	}
	a.write(a.heads, a.packer.Pack(nil, a.bodies))
	a.heads, a.bodies, a.size = a.heads[:0], a.bodies[:0], 0
}

func (a *Appender) write(heads []Head, bodies []byte) event.Block {
	block := a.next
	a.put(codec.Headers.Key(a.keys, block), AppendHeader(nil, heads))
	a.put(codec.Bodies.Key(a.keys, block), bodies)
	a.blocks = append(a.blocks, block)
	a.next = event.NewBlock(block.Clock()+1, block.Lane())
	return block
}

// Blocks is the blocks that were written, in ascending order.
func (a *Appender) Blocks() []event.Block { return a.blocks }
