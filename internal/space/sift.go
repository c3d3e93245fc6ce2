package space

import (
	"github.com/selfsame-id/selfsame/internal/space/journal"

	"context"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"

	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// repeats knows which messageIds were seen within the dedupe window.
type repeats interface {
	// known says for each event whether its messageId was seen, and with it.
	known(ctx context.Context, d *View, events []*prepared, now int64) ([]seen, error)
	// stage adds to the batch what other nodes must know.
	stage(c *commitPlan)
	// landed is told when the commit has happened.
	landed(c *commitPlan)
}

// sift drops repeats, sets aside what has a messageId that another event had, and
// gives the other events their places in the journal.
func (s *Space) sift(ctx context.Context, c *commitPlan, ws []*work, now time.Time) error {
	n := 0
	for _, w := range ws {
		n += len(w.events)
	}
	events := make([]*prepared, 0, n)
	for _, w := range ws {
		for i := range w.events {
			events = append(events, &w.events[i])
		}
	}
	// Repeats, and what is left for another commit.
	repeat, err := s.repeats.known(ctx, &c.desk.View, events, now.UnixNano())
	if err != nil {
		return err
	}
	here := make(map[uint64]*prepared, n) // the first of this commit
	for i, e := range events {
		if e.aside {
			repeat[i] = repeated
			continue
		}
		// What is in the store, however old.
		repeat[i] = max(repeat[i], e.known)
		if repeat[i] != unseen {
			continue
		}
		if first := here[e.hash]; first == nil {
			here[e.hash] = e
		} else if first.id == e.id {
			repeat[i] = repeated
			if first.fingerprint() != e.fingerprint() {
				repeat[i] = usedBefore
			}
		}
	}

	c.fresh = slices.Grow(c.fresh, n)
	j := &appender{c: c, s: s}
	at := 0
	for k, w := range ws {
		j.deliver(k, w, repeat[at:at+len(w.events)])
		at += len(w.events)
	}
	j.flush()
	s.repeats.stage(c)
	return nil
}

// appender places events in blocks: those that were packed ahead as they are,
// the rest together.
type appender struct {
	c      *commitPlan
	s      *Space
	bodies [][]byte // of the open block
	heads  []journal.Head
	size   int
}

// block is the ID of the block that is filled next.
func (j *appender) block() event.Block { return j.c.block(j.c.blocks) }

func (j *appender) deliver(k int, w *work, skip []seen) {
	fresh, repeats := 0, 0
	for i, s := range skip {
		switch {
		case s == unseen:
			fresh++
		case w.events[i].aside:
		case s == usedBefore:
			j.c.used = append(j.c.used, &w.events[i])
			j.c.receipts[k].IDUsed++
		default:
			repeats++
		}
	}
	j.c.repeats += repeats
	j.c.receipts[k].Repeats += repeats
	if fresh == 0 {
		return
	}
	if len(w.blocks) == 0 {
		for i := range w.events {
			if skip[i] != unseen {
				continue
			}
			e := &w.events[i]
			if len(j.bodies) > 0 && (j.size+e.msg.Size() > packBytes || len(j.bodies) == packEvents) {
				j.flush()
			}
			j.place(e, k, w, j.block(), len(j.bodies))
			j.heads = append(j.heads, j.head(e, w))
			body := e.msg.Body
			if e.msg.Inherited != nil {
				body = e.msg.AppendBody(nil)
			}
			j.bodies = append(j.bodies, body)
			j.size += len(body)
		}
		return
	}
	j.flush()
	for _, b := range w.blocks {
		heads := make([]journal.Head, b.count)
		any := false
		for o := range heads {
			i := b.first + o
			if skip[i] != unseen {
				continue // an empty head: the body is no event
			}
			any = true
			heads[o] = j.head(&w.events[i], w)
			j.place(&w.events[i], k, w, j.block(), o)
		}
		if any {
			j.put(heads, b.packed)
		}
	}
}

func (j *appender) place(e *prepared, k int, w *work, block event.Block, ordinal int) {
	j.c.fresh = append(j.c.fresh, placedEvent{prepared: e, work: k, source: w.delivery.Source, at: e.msg.At(block.At(ordinal))})
}

func (j *appender) head(e *prepared, w *work) journal.Head {
	h := journal.Head{
		Time: e.msg.Time, ReceivedAt: e.msg.ReceivedAt, Source: w.delivery.Source,
		Type: e.msg.Type, MessageHash: e.hash,
		User: e.users.hash, HasUser: len(e.users.ids) > 0,
		Account: e.account.hash, HasAccount: len(e.account.ids) > 0,
	}
	if e.given {
		h.GivenID = e.id
	}
	return h
}

// flush packs the open block.
func (j *appender) flush() {
	if len(j.bodies) == 0 {
		return
	}
	j.put(j.heads, j.s.packer.Pack(nil, j.bodies))
	j.bodies, j.heads, j.size = nil, nil, 0
}

func (j *appender) put(heads []journal.Head, packed []byte) {
	id := j.block()
	keys := j.c.desk.keys
	j.s.putNew(&j.c.batch, codec.Headers.Key(keys, id), journal.AppendHeader(nil, heads))
	j.s.putNew(&j.c.batch, codec.Bodies.Key(keys, id), packed)
	j.c.record.Blocks = append(j.c.record.Blocks, id)
	j.c.blocks++
}
