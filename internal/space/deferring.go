package space

import "slices"

// hasDeferred reports whether something of a delivery is left for another commit. What
// comes with its messages (refused ones, a mark, an audit entry) comes with the
// last of them.
func (w *ingestRequest) hasDeferred() bool {
	return slices.ContainsFunc(w.events, func(e prepared) bool { return e.deferred })
}

// allDeferred reports whether nothing of deliveries can be taken now.
func allDeferred(ws []*ingestRequest) bool {
	for _, w := range ws {
		if len(w.events) == 0 || slices.ContainsFunc(w.events, func(e prepared) bool { return !e.deferred }) {
			return false
		}
	}
	return true
}

// recheckAll has every messageId of a delivery looked up.
func (w *ingestRequest) recheckAll() {
	for i := range w.events {
		w.events[i].recheck = true
	}
}

// deferEvents leaves events for the next commit, and with each what its request holds
// behind it of the same time: that has to arrive later. It returns how many these are.
func (c *commit) deferEvents(events []int) (n int) {
	for _, i := range events {
		c.fresh[i].deferred = true
	}
	type moment struct {
		work int
		time int64
	}
	follow := map[moment]bool{}
	for i := range c.fresh {
		e := &c.fresh[i]
		m := moment{e.request, e.at.Time}
		if e.deferred = e.deferred || follow[m]; e.deferred {
			follow[m] = true
			n++
		}
	}
	return n
}

// finishRequests leaves of each delivery what was deferred. receipts tell of the rest,
// which is done; nil: nothing is.
func (s *Space) finishRequests(ws []*ingestRequest, receipts []Receipt) {
	for k, w := range ws {
		if receipts != nil {
			w.receipt.add(&receipts[k])
			if !w.hasDeferred() {
				w.delivery.Rejects, w.delivery.Resolves = nil, nil
			}
		}
		left := w.events[:0]
		for i := range w.events {
			if e := &w.events[i]; e.deferred {
				e.deferred, e.recheck = false, true
				left = append(left, *e)
			}
		}
		w.events = left
		if len(left) > 0 {
			w.tries++
			w.packed = nil
		}
	}
}
