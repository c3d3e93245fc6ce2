package catalog

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// On a store that other nodes write too, a node answers from a view that it read
// before, and two things must not come of that: that a key which another node has
// just made is refused, for senders drop what is refused; and that one which
// another node has just taken away is still good.
//
// So who finds nothing in the view waits for a read of the store that began
// after he came. All who wait share one read, and reads begin readEvery apart at
// least: guesses cost their sender that pause, and the store next to nothing.
// And a view that is older than Options.Refresh is not used before it was
// compared with the store, however long the node has rested. A node that is busy
// does that in the background, when the view has half of that age.
const (
	// maxAge is how old a view may be: less than a second, in which whoever
	// deletes something may rely on it being gone everywhere.
	maxAge = 800 * time.Millisecond
	// readEvery is the pause between the beginnings of two reads.
	readEvery = 50 * time.Millisecond
	// readTime bounds a read.
	readTime = 5 * time.Second
	// silence is how long the store may say nothing before nobody waits for it any
	// more: senders are told soon to come again.
	silence = 2 * time.Second
)

// ErrSlow says that the store did not answer in time. It is a kv.ErrUnavailable.
var ErrSlow = fmt.Errorf("the catalog was not read in time: %w", kv.ErrUnavailable)

// reading is a read of the store that has not begun, or one that many wait for.
type reading struct {
	done chan struct{} // closed when it has ended
	err  error         // then
}

// reads makes the shared reads of a catalog.
type reads struct {
	mu    sync.Mutex
	next  *reading  // not begun yet; nil: there is none
	began time.Time // the last one
	asked time.Time // since when the store has been asked and has said nothing; zero: it has
	one   sync.Mutex
}

// age is how long ago the read began from which the view is known to be current.
func (c *Catalog) age() time.Duration { return c.since() - time.Duration(c.checked.Load()) }

// since is the time since the catalog was opened, by a clock that does not jump.
func (c *Catalog) since() time.Duration { return c.now().Sub(c.opened) }

// recent is the view of the catalog if it is not older than Options.Refresh.
func (c *Catalog) recent() (*state, bool) {
	if !c.store.Exclusive() {
		age := c.age()
		if age > c.refresh {
			return nil, false
		}
		if age > c.refresh/2 {
			c.read()
		}
	}
	return c.view.Load(), true
}

// current is a view that is not older than Options.Refresh or, if the store
// cannot be asked, the last one there was: good for lists, which say nothing
// about who may do what.
func (c *Catalog) current(ctx context.Context) *state {
	if s, ok := c.recent(); ok {
		return s
	}
	s, _ := c.fresh(ctx)
	return s
}

// fresh is the view after a read that begins after this call. With an error, which
// says that the store cannot be asked, it is the last one there was.
func (c *Catalog) fresh(ctx context.Context) (*state, error) {
	if c.store.Exclusive() {
		return c.view.Load(), nil
	}
	r := c.read()
	for {
		left := c.reads.patience()
		if left <= 0 {
			return c.view.Load(), ErrSlow
		}
		t := time.NewTimer(left)
		select {
		case <-r.done:
			t.Stop()
			return c.view.Load(), r.err
		case <-ctx.Done():
			t.Stop()
			return c.view.Load(), ctx.Err()
		case <-t.C:
		}
	}
}

// patience is for how long it is still worth waiting for an answer of the store.
func (r *reads) patience() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked.IsZero() {
		return silence
	}
	return silence - time.Since(r.asked)
}

// answered notes that a read has ended. What took too long and failed is no answer.
func (r *reads) answered(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil || time.Since(r.began) < silence {
		r.asked = time.Time{}
	}
}

// read returns the next read, which has not begun, and sees to it that it does.
func (c *Catalog) read() *reading {
	c.reads.mu.Lock()
	defer c.reads.mu.Unlock()
	if c.reads.next == nil {
		c.reads.next = &reading{done: make(chan struct{})}
		go c.begin(c.reads.next)
	}
	return c.reads.next
}

// begin waits until a read may begin, and makes it.
func (c *Catalog) begin(r *reading) {
	defer close(r.done)
	c.reads.one.Lock()
	defer c.reads.one.Unlock()
	c.reads.mu.Lock()
	pause := readEvery - time.Since(c.reads.began)
	c.reads.mu.Unlock()
	if pause > 0 {
		time.Sleep(pause)
	}
	c.reads.mu.Lock()
	c.reads.next = nil // who comes from now on waits for another one
	c.reads.began = time.Now()
	if c.reads.asked.IsZero() {
		c.reads.asked = c.reads.began
	}
	c.reads.mu.Unlock()
	// Whose request this was does not matter: others wait for it too.
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	r.err = c.reload(ctx)
	c.reads.answered(r.err)
}

// reload publishes a new view if the store has one.
func (c *Catalog) reload(ctx context.Context) error {
	started := c.since()
	old := c.view.Load()
	r, err := c.store.Snapshot(ctx)
	if err != nil {
		return fmt.Errorf("reading the catalog: %w", err)
	}
	defer r.Close()
	got, err := r.Get(ctx, versionKey())
	if err != nil {
		return fmt.Errorf("reading the catalog: %w", err)
	}
	if got[0] == nil || !bytes.Equal(got[0], old.version) {
		s, err := load(ctx, r)
		if err != nil {
			return err
		}
		s.version = got[0]
		// If nobody has published another view meanwhile, the store is right even
		// where it has an older version, as after a backup was put back.
		if !c.view.CompareAndSwap(old, s) {
			c.publish(s)
		}
	}
	for {
		last := c.checked.Load()
		if last >= int64(started) || c.checked.CompareAndSwap(last, int64(started)) {
			return nil
		}
	}
}

// publish makes s the view unless a newer one is.
func (c *Catalog) publish(s *state) {
	for {
		old := c.view.Load()
		if changes(old.version) >= changes(s.version) {
			return
		}
		if c.view.CompareAndSwap(old, s) {
			if c.changed != nil {
				c.changed()
			}
			return
		}
	}
}

// changes is the counter in a version, 0 for none.
func changes(version []byte) uint64 {
	if len(version) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(version)
}
