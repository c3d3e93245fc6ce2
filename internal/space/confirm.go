package space

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

// hit says that a block may hold a message with the messageId of an event. A hash
// says so, which proves nothing.
type hit struct {
	block event.Block
	event int // its place in the list of events
}

// confirm looks at the stored messages behind hits, reading each block once, and
// notes in out, which has a place for each event, what they tell about it. One
// that is the same message settles it, whatever else had its messageId.
func confirm(ctx context.Context, r kv.Reader, keys codec.Keyspace, rulesKnown int64, hits []hit, events []*prepared, out []seen) error {
	slices.SortFunc(hits, func(a, b hit) int { return cmp.Or(a.block.Compare(b.block), cmp.Compare(a.event, b.event)) })
	blocks := make([]event.Block, 0, 64)
	for i := range hits {
		if i == 0 || hits[i].block != hits[i-1].block {
			blocks = append(blocks, hits[i].block)
		}
	}
	workers := min(runtime.GOMAXPROCS(0), len(blocks)/confirmAlone)
	if workers < 2 {
		return confirmIn(ctx, r, keys, rulesKnown, blocks, hits, events, out)
	}
	wrong := make([]error, workers)
	found := make([][]seen, workers)
	var all sync.WaitGroup
	for w := range workers {
		mine := blocks[len(blocks)*w/workers : len(blocks)*(w+1)/workers]
		n := sort.Search(len(hits), func(i int) bool { return hits[i].block.Compare(mine[len(mine)-1]) > 0 })
		theirs := hits[:n]
		hits = hits[n:]
		all.Go(func() {
			found[w] = make([]seen, len(out))
			wrong[w] = confirmIn(ctx, r, keys, rulesKnown, mine, theirs, events, found[w])
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

// confirmIn is confirm for blocks and the hits in them, in order.
func confirmIn(ctx context.Context, r kv.Reader, keys codec.Keyspace, rulesKnown int64, blocks []event.Block, hits []hit, events []*prepared, out []seen) error {
	return journal.ReadEach(ctx, r, keys, blocks, func(b *journal.Block) error {
		n := 0
		for n < len(hits) && hits[n].block == b.ID {
			n++
		}
		lookFor(b, hits[:n], rulesKnown, events, out)
		hits = hits[n:]
		return ctx.Err()
	})
}

// lookFor compares the messages of a block with events of the same messageId. Of a
// message whose body cannot be read the hash has to be proof enough.
func lookFor(b *journal.Block, hits []hit, rulesKnown int64, events []*prepared, out []seen) {
	for k := range b.Heads {
		h := &b.Heads[k]
		if h.Type == 0 {
			continue
		}
		for _, one := range hits {
			e := events[one.event]
			if h.MessageHash != e.hash || out[one.event] == repeated {
				continue
			}
			stored, _, st := b.Event(k)
			switch {
			case st == journal.Damaged && (stored.MessageID == "" || stored.MessageID == e.id):
				out[one.event] = repeated
			case st == journal.Whole && stored.MessageID == e.id:
				out[one.event] = max(out[one.event], e.fingerprint().compare(fingerprintOf(h.Source, stored.Name, h), b.ID.Time(), rulesKnown))
			}
		}
	}
}
