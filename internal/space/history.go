package space

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/dedupe"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// Dedupe says with what the messages of a delivery are compared.
type Dedupe uint8

const (
	// DedupeWindow: with what arrived within the dedupe window.
	DedupeWindow Dedupe = iota
	// DedupeOld: those whose own time lies before the window with the whole store.
	// An event is never received before its time, so what is younger can be in
	// the window only.
	DedupeOld
	// DedupeAll: all of them with the whole store.
	DedupeAll
)

// ParseDedupe reads the name of a way to compare: auto (which is DedupeOld), all,
// window.
func ParseDedupe(s string) (Dedupe, bool) {
	switch s {
	case "auto":
		return DedupeOld, true
	case "all":
		return DedupeAll, true
	case "window":
		return DedupeWindow, true
	}
	return 0, false
}

// String is the name of a way to compare.
func (d Dedupe) String() string { return [...]string{"window", "auto", "all"}[d] }

// history finds messages of any age by their messageIds, for deliveries that ask
// for it (see Dedupe). It reads the headers of all blocks into an index, when
// the first of these deliveries comes, and gives the index up when none came for
// a while. What is committed after the index was made arrived within the dedupe
// window, as long as the index is younger than that.
type history struct {
	s *Space

	mu     sync.Mutex
	now    *pastIndex
	making *making
	closed bool
}

// pastIndex is the index of all that was stored at a time.
type pastIndex struct {
	index  *dedupe.Index
	blocks []event.Block // an entry's place is a place in this list
	asOf   int64         // nanoseconds since 1970
	users  int           // and whoever keeps it for the next one; the last one closes it
	idle   *time.Timer
}

// making is the work on an index.
type making struct {
	done chan struct{}
	err  error
}

const (
	// historyRest is how long an index is kept for the next delivery.
	historyRest = 10 * time.Minute
	// historyWait is how long a delivery waits for an index that is being made
	// before ErrOverloaded. Whoever sends it asks again.
	historyWait = 10 * time.Second
	// commitSlack is how late a commit that was under way may be.
	commitSlack = time.Minute
)

// compare marks the events of a delivery whose messageIds are in the store
// already, with whatever age. It returns how many were compared.
func (s *Space) compare(ctx context.Context, w *ingestRequest) (int, error) {
	now := s.cfg.Now().UnixNano()
	edge := now - int64(s.cfg.DedupeWindow)
	var asked []*prepared
	for i := range w.events {
		if e := &w.events[i]; w.delivery.Dedupe == DedupeAll || e.msg.Time <= edge {
			asked = append(asked, e)
		}
	}
	if len(asked) == 0 {
		return 0, nil
	}
	p, err := s.history.acquire(ctx, now)
	if err != nil {
		return 0, err
	}
	defer s.history.release(p)
	var hits []dedupe.Hit
	var places []uint64
	for i, e := range asked {
		if places, err = p.index.Find(places[:0], e.hash); err != nil {
			return 0, fmt.Errorf("the index of stored messageIds: %w", err)
		}
		for _, place := range places {
			hits = append(hits, dedupe.Hit{Block: p.blocks[place], Event: i})
		}
	}
	if len(hits) == 0 {
		return len(asked), nil
	}
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	out := make([]dedupe.Seen, len(asked))
	if err := dedupe.Confirm(ctx, r, s.keys, s.rulesKnown(), hits, asked, out); err != nil {
		return 0, err
	}
	for i, e := range asked {
		e.known = out[i]
	}
	return len(asked), nil
}

// acquire returns an index that may be used until it is released, waiting while
// one is made. One that is not young any more is used while the next is made.
func (h *history) acquire(ctx context.Context, now int64) (*pastIndex, error) {
	h.mu.Lock()
	window := int64(h.s.cfg.DedupeWindow)
	for tries := 0; ; tries++ {
		if h.closed {
			h.mu.Unlock()
			return nil, ErrClosed
		}
		usable := h.now != nil && now-h.now.asOf < window-window/8
		if !usable || now-h.now.asOf > window/2 {
			h.make()
		}
		if usable {
			p := h.now
			p.users++
			p.idle.Stop()
			h.mu.Unlock()
			return p, nil
		}
		m := h.making
		h.mu.Unlock()
		select {
		case <-m.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(historyWait):
			return nil, fmt.Errorf("%w: the messageIds of all that is stored are being read", ErrOverloaded)
		}
		if m.err != nil {
			return nil, m.err
		}
		h.mu.Lock()
		now = max(now, h.s.cfg.Now().UnixNano())
		if tries > 2 { // a window so short that an index is too old when it is made
			h.mu.Unlock()
			return nil, fmt.Errorf("%w: reading the messageIds of all that is stored takes longer than the dedupe window", ErrOverloaded)
		}
	}
}

// release gives an index back.
func (h *history) release(p *pastIndex) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.users--; p.users == 1 && p == h.now {
		p.idle.Reset(historyRest)
	}
	h.closeUnused(p)
}

// closeUnused closes an index that nobody has. The caller holds mu.
func (h *history) closeUnused(p *pastIndex) {
	if p.users > 0 {
		return
	}
	if err := p.index.Close(); err != nil {
		h.s.log.Warn("the index of stored messageIds could not be closed", "space", h.s.cfg.ID, "error", err)
	}
}

// make begins to make an index, unless that is under way. The caller holds mu.
func (h *history) make() {
	if h.making != nil {
		return
	}
	m := &making{done: make(chan struct{})}
	h.making = m
	go func() {
		defer close(m.done)
		p, err := h.read(h.s.life)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.making, m.err = nil, err
		switch {
		case err != nil && h.s.life.Err() != nil:
			m.err = ErrClosed
		case err != nil:
			h.s.log.Warn("the messageIds of all that is stored could not be read", "space", h.s.cfg.ID, "error", err)
		case h.closed:
			m.err = ErrClosed
			h.closeUnused(p)
		default:
			p.users = 1
			p.idle = time.AfterFunc(historyRest, func() { h.forget(p) })
			h.replace(p)
		}
	}()
}

// replace puts another index, or none, in the place of the one there is. The
// caller holds mu.
func (h *history) replace(p *pastIndex) {
	old := h.now
	if h.now = p; old != nil {
		old.idle.Stop()
		old.users--
		h.closeUnused(old)
	}
}

// forget gives up an index that nobody has used for a while.
func (h *history) forget(p *pastIndex) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.now == p && p.users == 1 {
		h.replace(nil)
	}
}

// close gives everything up.
func (h *history) close() {
	h.mu.Lock()
	h.closed = true
	m := h.making
	h.replace(nil)
	h.mu.Unlock()
	if m != nil {
		<-m.done
	}
}

// read makes the index from the headers of all blocks.
func (h *history) read(ctx context.Context) (*pastIndex, error) {
	began := time.Now()
	r, err := h.s.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	// After the snapshot was taken, less what a commit under way may be late.
	p := &pastIndex{asOf: h.s.cfg.Now().UnixNano() - int64(commitSlack)}
	b := dedupe.NewBuilder(h.s.cfg.ScratchDir)
	err = each(ctx, r, h.s.keys, codec.Headers, scanPage, func(e kv.Entry) error {
		block, ok := codec.Headers.Parse(e.Key)
		if !ok {
			return kv.ErrCorrupt
		}
		heads, err := journal.DecodeHeader(e.Value)
		if err != nil {
			h.s.log.Warn("a block of events cannot be read; what it held is not recognised when it is sent again", "space", h.s.cfg.ID, "block", block.String(), "error", err)
			p.blocks = append(p.blocks, block)
			return ctx.Err()
		}
		for i := range heads {
			if heads[i].Type == 0 {
				continue
			}
			if err := b.Add(heads[i].MessageHash, uint64(len(p.blocks))); err != nil {
				return err
			}
		}
		p.blocks = append(p.blocks, block)
		return ctx.Err()
	})
	if err == nil {
		p.index, err = b.Index()
	}
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	h.s.log.Info("the messageIds of all that is stored were read, to find repeats of any age", "space", h.s.cfg.ID,
		"events", p.index.Len(), "took", time.Since(began).Round(time.Millisecond), "memory", p.index.Memory()+event.BlockBytes*int64(len(p.blocks)), "disk", p.index.Disk())
	return p, nil
}
