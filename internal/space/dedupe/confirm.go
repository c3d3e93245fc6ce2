package dedupe

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"sort"
	"sync"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// Message is a message that may have come before.
type Message interface {
	MessageID() (id string, hash uint64)
	Fingerprint() Fingerprint
}

// Hit says that a block may hold a message with the messageId of an event. A hash
// says so, which proves nothing.
type Hit struct {
	Block event.Block
	Event int // its place in the list of events
}

// Confirm looks at the stored messages behind hits, reading each block once, and
// notes in out, which has a place for each event, what they tell about it. One
// that is the same message settles it, whatever else had its messageId.
func Confirm[M Message](ctx context.Context, r kv.Reader, keys codec.Keyspace, rulesKnown int64, hits []Hit, messages []M, out []Seen) error {
	slices.SortFunc(hits, func(a, b Hit) int { return cmp.Or(a.Block.Compare(b.Block), cmp.Compare(a.Event, b.Event)) })
	blocks := make([]event.Block, 0, 64)
	for i := range hits {
		if i == 0 || hits[i].Block != hits[i-1].Block {
			blocks = append(blocks, hits[i].Block)
		}
	}
	workers := min(runtime.GOMAXPROCS(0), len(blocks)/confirmAlone)
	if workers < 2 {
		return confirmIn(ctx, r, keys, rulesKnown, blocks, hits, messages, out)
	}
	wrong := make([]error, workers)
	found := make([][]Seen, workers)
	var all sync.WaitGroup
	for w := range workers {
		mine := blocks[len(blocks)*w/workers : len(blocks)*(w+1)/workers]
		n := sort.Search(len(hits), func(i int) bool { return hits[i].Block.Compare(mine[len(mine)-1]) > 0 })
		theirs := hits[:n]
		hits = hits[n:]
		all.Go(func() {
			found[w] = make([]Seen, len(out))
			wrong[w] = confirmIn(ctx, r, keys, rulesKnown, mine, theirs, messages, found[w])
		})
	}
	all.Wait()
	for _, part := range found {
		for i := range out {
			out[i] = max(out[i], part[i])
		}
	}
	return errors.Join(wrong...)
}

// confirmAlone is how many blocks one goroutine reads before it gets help.
const confirmAlone = 64

// confirmIn is Confirm for blocks and the hits in them, in order.
func confirmIn[M Message](ctx context.Context, r kv.Reader, keys codec.Keyspace, rulesKnown int64, blocks []event.Block, hits []Hit, messages []M, out []Seen) error {
	return journal.ReadEach(ctx, r, keys, blocks, func(b *journal.Block) error {
		n := 0
		for n < len(hits) && hits[n].Block == b.ID {
			n++
		}
		lookFor(b, hits[:n], rulesKnown, messages, out)
		hits = hits[n:]
		return ctx.Err()
	})
}

// lookFor compares the messages of a block with events of the same messageId. Of a
// message whose body cannot be read the hash has to be proof enough.
func lookFor[M Message](b *journal.Block, hits []Hit, rulesKnown int64, messages []M, out []Seen) {
	for k := range b.Heads {
		h := &b.Heads[k]
		if h.Type == 0 {
			continue
		}
		for _, one := range hits {
			e := messages[one.Event]
			id, hash := e.MessageID()
			if h.MessageHash != hash || out[one.Event] == Repeated {
				continue
			}
			stored, _, st := b.Event(k)
			switch {
			case st == journal.Damaged && (stored.MessageID == "" || stored.MessageID == id):
				out[one.Event] = Repeated
			case st == journal.Whole && stored.MessageID == id:
				out[one.Event] = max(out[one.Event], e.Fingerprint().Compare(FingerprintOf(h.Source, stored.Name, h), b.ID.Time(), rulesKnown))
			}
		}
	}
}
