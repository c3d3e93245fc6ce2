package computed

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/compute"
)

// What does not count in an event or a profile stops nothing; it is counted. What events
// are short of is counted where they come in, in memory, and the evaluator stores the
// counts of its node with its position: a crash, and the end of a node that does not
// evaluate, lose what was not stored yet. What expressions on profiles are short of is
// counted by the evaluator itself.

// Problem is why something did not count, and how often that was so.
type Problem struct {
	// Where is "event" for conditions on events and for values taken from them, each
	// counted once for each event that came, repeated ones too, and "profile" for
	// expressions on profiles, counted once for each evaluation.
	Where string
	Kind  compute.Problem
	Count int64
}

// counts are how often there were problems.
type counts map[compute.Problem]int64

// tally counts the problems of events. Many goroutines do at once.
type tally struct {
	mu sync.Mutex
	of map[compute.StreamID]counts
}

func (t *tally) add(skipped []compute.Skip) {
	if len(skipped) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[compute.StreamID]counts{}
	}
	for _, s := range skipped {
		addTo(t.of, s.Stream, s.Problem, 1)
	}
}

// take empties the tally.
func (t *tally) take() map[compute.StreamID]counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	of := t.of
	t.of = nil
	return of
}

// give gives back what was taken and could not be stored.
func (t *tally) give(of map[compute.StreamID]counts) {
	if of == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[compute.StreamID]counts{}
	}
	addAll(t.of, of)
}

// addInto adds what the tally has to counts.
func (t *tally) addInto(of map[compute.StreamID]counts) {
	t.mu.Lock()
	defer t.mu.Unlock()
	addAll(of, t.of)
}

func (t *tally) empty() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.of) == 0
}

func addTo[K comparable](to map[K]counts, key K, p compute.Problem, n int64) {
	if to[key] == nil {
		to[key] = counts{}
	}
	to[key][p] += n
}

func addAll[K comparable](to, what map[K]counts) {
	for key, c := range what {
		for p, n := range c {
			addTo(to, key, p, n)
		}
	}
}

func cloneCounts[K comparable](of map[K]counts) map[K]counts {
	out := make(map[K]counts, len(of))
	for key, c := range of {
		out[key] = maps.Clone(c)
	}
	return out
}

// storePause is how long counts wait at most until they are stored, while nothing else is.
const storePause = 5 * time.Second

// storeCounts stores counts that have waited long enough.
func (w *work) storeCounts() error {
	if w.compiled.tally.empty() || time.Since(w.stored) < storePause {
		return nil
	}
	return w.evaluate(nil)
}

// takeCounts adds what was counted on this node since the last time to the position. It
// returns a function that takes that back.
func (w *work) takeCounts() (undo func()) {
	from := []*Compiled{w.compiled}
	if last := w.evaluator.counted; last != nil && last != w.compiled {
		from = append(from, last)
	}
	used := w.compiled.inUse()
	taken := make([]map[compute.StreamID]counts, len(from))
	for i, c := range from {
		taken[i] = c.tally.take()
		for stream, of := range taken[i] {
			if used[stream] {
				addAll(w.pos.Skipped, map[compute.StreamID]counts{stream: of})
			}
		}
	}
	return func() {
		for i, c := range from {
			c.tally.give(taken[i])
		}
	}
}

// inUse are the streams that definitions use.
func (c *Compiled) inUse() map[compute.StreamID]bool {
	used := map[compute.StreamID]bool{}
	for _, s := range c.Set.InUse() {
		used[s.ID] = true
	}
	return used
}

// forgetCounts drops the counts of what is not in use any more, and of definitions that
// mean something else.
func (w *work) forgetCounts() {
	used := w.compiled.inUse()
	maps.DeleteFunc(w.pos.Skipped, func(s compute.StreamID, _ counts) bool { return !used[s] })
	maps.DeleteFunc(w.pos.Problems, func(number uint32, _ counts) bool {
		d := w.compiled.byNumber[number]
		return d == nil || d.disabled || w.pos.Complete[number] != d.meaning
	})
}

// problems lists those of a definition, the stored ones and those that this node counted
// since, by place and kind.
func (c *Compiled) problems(d *definition, pos *position) []Problem {
	skipped := cloneCounts(pos.Skipped)
	c.tally.addInto(skipped)
	sums := counts{}
	for _, s := range d.streams {
		for p, n := range skipped[s] {
			sums[p] += n
		}
	}
	var out []Problem
	list := func(where string, of counts) {
		for _, p := range slices.Sorted(maps.Keys(of)) {
			out = append(out, Problem{where, p, of[p]})
		}
	}
	list("event", sums)
	list("profile", pos.Problems[d.number])
	return out
}
