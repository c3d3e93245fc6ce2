package dedupe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// History finds messages of any age by their messageIds, for those who ask for it. It
// reads the headers of all blocks into an index, when the first one asks, and gives the
// index up when nobody asked for a while. What is committed after the index was made
// arrived within the dedupe window, as long as the index is younger than that. Its methods
// may be called from many goroutines at once.
type History struct {
	cfg HistoryConfig

	mu     sync.Mutex
	now    *Past
	making *making
	closed bool
}

// Past is an index of all that was stored at a time.
type Past struct {
	index  *Index
	blocks []event.Block // an entry's place is a place in this list
	asOf   int64         // nanoseconds since 1970
	users  int           // and whoever keeps it for the next one; the last one closes it
	idle   *time.Timer
}

// HistoryConfig is what a History needs.
type HistoryConfig struct {
	Store      kv.Store
	Keys       codec.Keyspace
	Window     time.Duration // the dedupe window
	ScratchDir string        // see NewBuilder
	Now        func() time.Time
	Log        *slog.Logger
	Life       context.Context // ends what is under way
}

var (
	// ErrReading: the index is being made, and will be there in a while.
	ErrReading = errors.New("the messageIds of all that is stored are being read")
	// ErrTooSlow: an index is too old when it is made.
	ErrTooSlow = errors.New("reading the messageIds of all that is stored takes longer than the dedupe window")
	// ErrClosed: the history was closed.
	ErrClosed = errors.New("the history of messageIds is closed")
)

// NewHistory returns a history that has no index yet.
func NewHistory(cfg HistoryConfig) *History { return &History{cfg: cfg} }

// Find says where messages with the messageIds of some may be, by the hashes. The index
// is acquired.
func Find[M Message](p *Past, messages []M) ([]Hit, error) {
	var hits []Hit
	var places []uint64
	for i, m := range messages {
		_, hash := m.MessageID()
		var err error
		if places, err = p.index.Find(places[:0], hash); err != nil {
			return nil, fmt.Errorf("the index of stored messageIds: %w", err)
		}
		for _, place := range places {
			hits = append(hits, Hit{p.blocks[place], i})
		}
	}
	return hits, nil
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
	// before ErrReading. Whoever sends it asks again.
	historyWait = 10 * time.Second
	// commitSlack is how late a commit that was under way may be.
	commitSlack = time.Minute
)

// Acquire returns an index that may be used until it is released, waiting while
// one is made. One that is not young any more is used while the next is made.
func (h *History) Acquire(ctx context.Context, now int64) (*Past, error) {
	h.mu.Lock()
	window := int64(h.cfg.Window)
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
			return nil, ErrReading
		}
		if m.err != nil {
			return nil, m.err
		}
		h.mu.Lock()
		now = max(now, h.cfg.Now().UnixNano())
		if tries > 2 { // a window so short that an index is too old when it is made
			h.mu.Unlock()
			return nil, ErrTooSlow
		}
	}
}

// Release gives an index back.
func (h *History) Release(p *Past) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.users--; p.users == 1 && p == h.now {
		p.idle.Reset(historyRest)
	}
	h.closeUnused(p)
}

// closeUnused closes an index that nobody has. The caller holds mu.
func (h *History) closeUnused(p *Past) {
	if p.users > 0 {
		return
	}
	if err := p.index.Close(); err != nil {
		h.cfg.Log.Warn("the index of stored messageIds could not be closed", "error", err)
	}
}

// make begins to make an index, unless that is under way. The caller holds mu.
func (h *History) make() {
	if h.making != nil {
		return
	}
	m := &making{done: make(chan struct{})}
	h.making = m
	go func() {
		defer close(m.done)
		p, err := h.read(h.cfg.Life)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.making, m.err = nil, err
		switch {
		case err != nil && h.cfg.Life.Err() != nil:
			m.err = ErrClosed
		case err != nil:
			h.cfg.Log.Warn("the messageIds of all that is stored could not be read", "error", err)
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
func (h *History) replace(p *Past) {
	old := h.now
	if h.now = p; old != nil {
		old.idle.Stop()
		old.users--
		h.closeUnused(old)
	}
}

// forget gives up an index that nobody has used for a while.
func (h *History) forget(p *Past) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.now == p && p.users == 1 {
		h.replace(nil)
	}
}

// Close gives everything up.
func (h *History) Close() {
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
func (h *History) read(ctx context.Context) (*Past, error) {
	began := time.Now()
	r, err := h.cfg.Store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	// After the snapshot was taken, less what a commit under way may be late.
	p := &Past{asOf: h.cfg.Now().UnixNano() - int64(commitSlack)}
	b := NewBuilder(h.cfg.ScratchDir)
	err = eachHeader(ctx, r, h.cfg.Keys, func(e kv.Entry) error {
		block, ok := codec.Headers.Parse(e.Key)
		if !ok {
			return kv.ErrCorrupt
		}
		heads, err := journal.DecodeHeader(e.Value)
		if err != nil {
			h.cfg.Log.Warn("a block of events cannot be read; what it held is not recognised when it is sent again", "block", block.String(), "error", err)
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
	h.cfg.Log.Info("the messageIds of all that is stored were read, to find repeats of any age",
		"events", p.index.Len(), "took", time.Since(began).Round(time.Millisecond), "memory", p.index.Memory()+event.BlockBytes*int64(len(p.blocks)), "disk", p.index.Disk())
	return p, nil
}

// eachHeader calls f with the header of every block, in order.
func eachHeader(ctx context.Context, r kv.Reader, keys codec.Keyspace, f func(kv.Entry) error) error {
	const most = 512
	from, end := codec.Headers.All(keys)
	for {
		page, err := r.Scan(ctx, from, end, most, false)
		if err != nil {
			return err
		}
		for _, e := range page {
			if err := f(e); err != nil {
				return err
			}
		}
		if len(page) < most {
			return nil
		}
		from = kv.After(page[len(page)-1].Key)
	}
}
