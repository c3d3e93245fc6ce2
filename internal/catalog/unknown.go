package catalog

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/kv"
)

// UnknownKey tells of requests that came with a write key that belongs to no
// source, or with none. What they carried is lost.
type UnknownKey struct {
	Key     string    `json:"key"`     // its first characters; "" without a key, "*" for more keys than are told apart
	Address string    `json:"address"` // the sender's IP address; "*" for more senders than are told apart
	SDK     string    `json:"sdk"`     // library and version, or the User-Agent; "" if neither was sent
	Count   int64     `json:"count"`   // requests
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	// Space and Source name the source whose key this was until Retired.
	Space   string     `json:"space,omitempty"`
	Source  string     `json:"source,omitempty"`
	Retired *time.Time `json:"retired,omitempty"`
}

// Knock is a request whose write key belongs to no source.
type Knock struct {
	Key     string // as it was sent; "" without one
	Address string // IP address without the port
	SDK     string // what the message's context.library says, or the User-Agent
}

// The bounds of what is kept: anybody can send a wrong key.
const (
	mostUnknown    = 200 // records
	mostUnknownIP  = 10  // of one address; beyond that its keys are counted together
	unknownVisible = 8   // characters of a key, never more than half of it
	mostSDK        = 100 // bytes
	unknownAge     = 30 * 24 * time.Hour
	unknownPause   = 5 * time.Second // between two writes
)

// otherUnknown stands for what is not told apart any more.
const otherUnknown = "*"

// unknownKeys gathers knocks in memory and adds them to the store now and then:
// nobody who knocks makes the store write.
type unknownKeys struct {
	mu      sync.Mutex
	pending map[unknownID]*UnknownKey // not in the store yet
	perIP   map[string]int
	timer   *time.Timer
	closed  bool
}

type unknownID struct{ key, address, sdk string }

func (u *UnknownKey) id() unknownID { return unknownID{u.Key, u.Address, u.SDK} }

func unknownKey() []byte { return []byte{prefix, kindUnknown} }

// NoteUnknownKey keeps that a request came with a write key that belongs to no
// source. It looks into memory only, and may be called for every such request.
func (c *Catalog) NoteUnknownKey(k Knock) {
	now := c.stamp()
	one := UnknownKey{Key: visibleKey(k.Key), Address: short(k.Address, 64), SDK: short(k.SDK, mostSDK), First: now, Last: now}
	if r, old := c.view.Load().retired(k.Key); old != nil {
		one.Space, one.Source, one.Retired = r.Spaces[0], r.ID, old.Until
	}
	u := &c.unknown
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return
	}
	if u.pending == nil {
		u.pending, u.perIP = map[unknownID]*UnknownKey{}, map[string]int{}
	}
	if u.pending[one.id()] == nil {
		if u.perIP[one.Address] >= mostUnknownIP {
			one = UnknownKey{Key: otherUnknown, Address: one.Address, First: now, Last: now}
		} else if len(u.pending) >= mostUnknown {
			one = UnknownKey{Key: otherUnknown, Address: otherUnknown, First: now, Last: now}
		}
	}
	known := u.pending[one.id()]
	if known == nil {
		known = &one
		u.pending[one.id()] = known
		u.perIP[one.Address]++
	}
	known.Count++
	known.Last = now
	if u.timer == nil {
		u.timer = time.AfterFunc(unknownPause, c.flushUnknown)
	}
}

// visibleKey is what is kept of a key, in characters that can be shown.
func visibleKey(key string) string {
	return short(strings.ToValidUTF8(key[:min(unknownVisible, len(key)/2)], ""), unknownVisible)
}

// short is the beginning of a text that a stranger sent, in memory of its own.
func short(s string, most int) string {
	return strings.Clone(audit.Clip(s[:min(len(s), 2*most)], most))
}

// flushUnknown writes what was gathered, in a time of its own.
func (c *Catalog) flushUnknown() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	u := &c.unknown
	u.mu.Lock()
	u.timer = nil
	u.mu.Unlock()
	if err := c.saveUnknown(ctx); err != nil {
		u.mu.Lock()
		if u.timer == nil && !u.closed {
			u.timer = time.AfterFunc(12*unknownPause, c.flushUnknown)
		}
		u.mu.Unlock()
		c.log.Warn("requests with unknown write keys could not be noted in the store; this will be tried again", "error", err)
	}
}

// saveUnknown adds what was gathered to the store.
func (c *Catalog) saveUnknown(ctx context.Context) error {
	u := &c.unknown
	u.mu.Lock()
	mine := u.pending
	u.pending, u.perIP = nil, nil
	u.mu.Unlock()
	if len(mine) == 0 {
		return nil
	}
	err := c.changeUnknown(ctx, func(all []UnknownKey) []UnknownKey { return mergeUnknown(all, mine, c.now()) })
	if err != nil {
		u.mu.Lock()
		for _, one := range mine {
			u.restore(one)
		}
		u.mu.Unlock()
		return err
	}
	c.tellUnknown(mine)
	return nil
}

// tellUnknown writes one line to the log, about the most frequent of the senders.
func (c *Catalog) tellUnknown(mine map[unknownID]*UnknownKey) {
	var most *UnknownKey
	total := int64(0)
	for _, one := range mine {
		total += one.Count
		if most == nil || one.Count > most.Count {
			most = one
		}
	}
	c.log.Warn("events came with a write key that belongs to no source, and were refused; selfsame source unknown-keys lists who sends them",
		"requests", total, "senders", len(mine), "key", most.Key, "address", most.Address, "sdk", most.SDK)
}

// restore puts back what could not be written.
func (u *unknownKeys) restore(one *UnknownKey) {
	if u.pending == nil {
		u.pending, u.perIP = map[unknownID]*UnknownKey{}, map[string]int{}
	}
	if known := u.pending[one.id()]; known != nil {
		known.add(one)
		return
	}
	u.pending[one.id()] = one
	u.perIP[one.Address]++
}

func (u *UnknownKey) add(o *UnknownKey) {
	u.Count += o.Count
	if o.First.Before(u.First) {
		u.First = o.First
	}
	if o.Last.After(u.Last) {
		u.Last = o.Last
	}
}

// mergeUnknown adds records to those of the store. When there are too many, those
// that were heard of last stay, and the others are forgotten.
func mergeUnknown(all []UnknownKey, mine map[unknownID]*UnknownKey, now time.Time) []UnknownKey {
	byID := map[unknownID]*UnknownKey{}
	perIP := map[string]int{}
	for i := range all {
		if now.Sub(all[i].Last) < unknownAge {
			byID[all[i].id()] = &all[i]
			perIP[all[i].Address]++
		}
	}
	for id, one := range mine {
		if byID[id] == nil && perIP[id.address] >= mostUnknownIP {
			one = &UnknownKey{Key: otherUnknown, Address: id.address, Count: one.Count, First: one.First, Last: one.Last}
			id = one.id()
		}
		if known := byID[id]; known != nil {
			known.add(one)
			continue
		}
		byID[id] = one
		perIP[id.address]++
	}
	out := make([]UnknownKey, 0, len(byID))
	for _, one := range byID {
		out = append(out, *one)
	}
	sortUnknown(out)
	return out[:min(len(out), mostUnknown)]
}

// sortUnknown sorts by the last request, the newest first.
func sortUnknown(list []UnknownKey) {
	slices.SortFunc(list, func(a, b UnknownKey) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Address, b.Address), cmp.Compare(a.SDK, b.SDK))
	})
}

// changeUnknown replaces the records of the store, again from the start when
// another node was quicker.
func (c *Catalog) changeUnknown(ctx context.Context, change func([]UnknownKey) []UnknownKey) error {
	for try := 0; ; try++ {
		value, all, err := c.readUnknown(ctx)
		if err != nil {
			return err
		}
		var b kv.Batch
		b.Require(unknownKey(), value)
		if all = change(all); len(all) == 0 {
			b.Delete(unknownKey())
		} else {
			b.Put(unknownKey(), encode(all))
		}
		if err = c.store.Commit(ctx, &b); err == nil || !errors.Is(err, kv.ErrConflict) || try > 20 {
			return err
		}
	}
}

func (c *Catalog) readUnknown(ctx context.Context) (value []byte, all []UnknownKey, err error) {
	r, err := c.store.Snapshot(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the catalog: %w", err)
	}
	defer r.Close()
	got, err := r.Get(ctx, unknownKey())
	if err != nil {
		return nil, nil, fmt.Errorf("reading the catalog: %w", err)
	}
	if got[0] != nil {
		if err := json.Unmarshal(got[0], &all); err != nil {
			return nil, nil, fmt.Errorf("%w: the record of unknown write keys: %w", kv.ErrCorrupt, err)
		}
	}
	return got[0], all, nil
}

// UnknownKeys lists who sent events with write keys that belong to no source in
// the last 30 days, the latest first; at most 200 records.
func (c *Catalog) UnknownKeys(ctx context.Context) ([]UnknownKey, error) {
	if err := c.saveUnknown(ctx); err != nil {
		return nil, err
	}
	_, all, err := c.readUnknown(ctx)
	if err != nil {
		return nil, err
	}
	out := []UnknownKey{}
	for _, one := range all {
		if c.now().Sub(one.Last) < unknownAge {
			out = append(out, one)
		}
	}
	return out, nil
}

// ForgetUnknownKeys empties the list. What comes afterwards begins a new one.
func (c *Catalog) ForgetUnknownKeys(ctx context.Context) error {
	if err := c.saveUnknown(ctx); err != nil {
		return err
	}
	return c.changeUnknown(ctx, func([]UnknownKey) []UnknownKey { return nil })
}

// Close writes what was not written yet. The catalog still answers.
func (c *Catalog) Close(ctx context.Context) error {
	u := &c.unknown
	u.mu.Lock()
	u.closed = true
	if u.timer != nil {
		u.timer.Stop()
	}
	u.mu.Unlock()
	return c.saveUnknown(ctx)
}
