package watch

import (
	"context"
)

// WatchAll has the watcher read the feed to its end, with the memory of the
// store. On a shared store it does so only if this node holds the lease.
func (w *Watcher) WatchAll(ctx context.Context) error {
	var m *memory
	last := "none"
	for {
		var err error
		if m, err = w.watchOnce(ctx, m); err != nil {
			return err
		}
		_, holds := w.lease.Held()
		switch {
		case m == nil && !holds:
			return nil
		case m != nil && m.cursor == last:
			return nil
		case m != nil:
			last = m.cursor
		}
	}
}

// Next has the watcher look and returns a channel that is closed when it has.
func (w *Watcher) Next() <-chan struct{} {
	ran := w.task.Ran()
	w.task.Wake()
	return ran
}

// What the watcher goes by.
var (
	LooksLikeNobody = looksLikePlaceholder
	UnusualRate     = unusualRate
)

// CrowdMemory adds n keys, one of them again and again, and says how many are
// held and how often that one was seen.
func CrowdMemory(n int, keys func(i int) string, again string) (held, seen int) {
	c := crowds{}
	for i := range n {
		c.add(keys(i))
		if i%1000 == 0 {
			c.add(again)
		}
		held = max(held, len(c))
	}
	return held, c[again]
}
