package pebblekv

import (
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// reapAfter is how long closed views lie before the engine hears of them.
const reapAfter = 5 * time.Millisecond

// view is an engine snapshot that readers share. It holds the commits up to
// number seq, and no others: it is taken under the commit lock.
type view struct {
	snap    *pebble.Snapshot
	seq     uint64
	refs    int     // guarded by views.mu
	reached reached // zero for the view at opening
}

// reached is how far the log goes with a commit.
type reached struct {
	trailer
	seq uint64  // of the engine, after it
	log logMark // the log that holds it
}

// durable is how far the log is durable: up to the newest published view.
func (vs *views) durable() reached {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	return vs.current.reached
}

// views keeps the engine snapshots that are in use and the newest durable one.
//
// Views that nobody uses any more are collected and closed together, the
// newest first: to close the oldest snapshot makes the engine look for
// compactions, which costs too much to be done for every commit.
type views struct {
	db *pebble.DB

	mu      sync.Mutex
	taken   uint64
	current *view
	live    map[*view]struct{}
	dead    []*view // ascending by seq within what one reap takes, mostly

	died chan struct{} // has one element when there are dead ones
}

// init publishes the state at opening, all of which is durable.
func (vs *views) init(db *pebble.DB) {
	vs.db = db
	vs.live = make(map[*view]struct{})
	vs.died = make(chan struct{}, 1)
	vs.current = vs.take()
}

// take returns a new view of all that was applied, with one reference. The
// caller holds the commit lock.
func (vs *views) take() *view {
	snap := vs.db.NewSnapshot()
	vs.mu.Lock()
	defer vs.mu.Unlock()
	vs.taken++
	v := &view{snap: snap, seq: vs.taken, refs: 1}
	vs.live[v] = struct{}{}
	return v
}

// publish makes v, all of which is durable now, the newest view if it is, and
// takes over the caller's reference.
func (vs *views) publish(v *view) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if v.seq > vs.current.seq {
		v, vs.current = vs.current, v
	}
	vs.unref(v)
}

// newest returns the newest durable view with a reference for the caller.
func (vs *views) newest() *view {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	vs.current.refs++
	return vs.current
}

// drop gives a reference back.
func (vs *views) drop(v *view) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	vs.unref(v)
}

func (vs *views) unref(v *view) {
	if v.refs--; v.refs == 0 {
		delete(vs.live, v)
		vs.dead = append(vs.dead, v)
		signal(vs.died)
	}
}

// signal leaves an element in a channel that holds one.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// reap closes dead views until stop is closed.
func (vs *views) reap(stop <-chan struct{}) {
	for after(vs.died, reapAfter, stop) {
		vs.closeDead()
	}
}

// after waits for a signal and then for a time, in which more signals may come. It
// reports false when stop is closed.
func after(c <-chan struct{}, d time.Duration, stop <-chan struct{}) bool {
	select {
	case <-c:
	case <-stop:
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-stop:
		return false
	}
}

func (vs *views) closeDead() {
	vs.mu.Lock()
	dead := vs.dead
	vs.dead = nil
	vs.mu.Unlock()
	for i := len(dead) - 1; i >= 0; i-- {
		_ = dead[i].snap.Close() // never fails on an open engine
	}
}

// closeAll closes every view, whether in use or not. No call into the engine
// may be running or follow.
func (vs *views) closeAll() {
	vs.mu.Lock()
	for v := range vs.live {
		vs.dead = append(vs.dead, v)
		v.refs = -1 // references given back later find nothing to do
	}
	clear(vs.live)
	vs.mu.Unlock()
	vs.closeDead()
}

// counts returns how many views are in use and how many wait to be closed.
func (vs *views) counts() (live, dead int) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	return len(vs.live), len(vs.dead)
}
