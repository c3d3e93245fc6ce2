package space

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/task"
)

// When rules change, one small commit makes them the rules at work: from then on
// events are decided by them. What is there is resolved again by passes. A pass
// takes a snapshot, finds out in memory where it differs from what the rules
// say (identity.Model), and decides those places again, a few in each commit,
// from what the store holds by then, while events keep coming in between. An
// event that meets a place that is not yet decided again may be decided wrongly:
// that is a difference which the next pass finds. A pass that finds none proves
// that its snapshot followed from the rules, and everything since was decided
// upon that; so it is the last.
//
// A crash loses the pass and nothing else. What a pass is made of is here; the passes
// are in the room space/rules, see Config.ApplyRules.

// ApplyProgress says how far new rules are applied to what was there.
type ApplyProgress struct {
	Pass int // 0 while events are moved
	// Stage is "reading" (strands) or "deciding" (places); before that, where the
	// rules look for IDs in other places, "moving" (events) and "settling"
	// (strands that lost events).
	Stage       string
	Done, Total int64 // of the stage
	Changed     int64 // places decided again in all passes
}

// applyState is the work of applying new rules.
type applyState struct {
	progress atomic.Pointer[ApplyProgress]
}

// wakeApply tells the task that there is something to apply.
func (s *Space) wakeApply() {
	if s.tasks.rules != nil { // else it begins when the space is open
		s.tasks.rules.Wake()
	}
}

// ErrRulesMoved: other rules were set, or another node took over.
var ErrRulesMoved = errors.New("other rules were set meanwhile")

// runRules applies new rules to what is there, if there is need to.
func (s *Space) runRules(ctx context.Context) (task.Rest, error) {
	if s.cfg.ApplyRules == nil {
		return task.Rest{}, nil
	}
	for ctx.Err() == nil && s.version.Load().Applying {
		err := s.applyRules(ctx)
		s.apply.progress.Store(nil)
		if err == nil || (errors.Is(err, ErrRulesMoved) || errors.Is(err, ErrDefinitionsMoved)) && s.store.Exclusive() {
			continue
		}
		if s.store.Exclusive() || ctx.Err() != nil {
			return task.Rest{}, err
		}
		if errors.Is(err, lease.ErrHeld) {
			return task.Rest{}, nil // the holder of the lease goes on, see takeOverRules
		}
		s.log.Warn("new rules are not applied to all that is there yet; it will be tried again", "space", s.cfg.ID, "error", err)
		return task.Rest{Least: jobErrorPause}, nil // the owner of the lease wakes it, see takeOverRules
	}
	s.tasks.job.Wake() // replays that were deferred have waited for this
	return task.Rest{}, nil
}

// AwaitRules waits until what is there follows from the rules at work.
func (s *Space) AwaitRules(ctx context.Context) error {
	for {
		s.writing.Lock()
		r, err := s.store.Snapshot(ctx)
		if err == nil {
			err = s.followRules(ctx, r)
			r.Close()
		}
		if s.adopted == nil {
			s.adopted = make(chan struct{})
		}
		adopted := s.adopted
		s.writing.Unlock()
		if err != nil {
			return err
		}
		if !s.version.Load().Applying {
			return nil
		}
		var elsewhere <-chan time.Time
		if !s.store.Exclusive() {
			elsewhere = time.After(10 * time.Millisecond) // another node may be at it, and only the store tells
		}
		select {
		case <-adopted:
		case <-elsewhere:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.life.Done():
			return ErrClosed
		}
	}
}

// Applying is the work of bringing what is there into line with the rules at work. It
// belongs to one goroutine. Its methods end with ErrRulesMoved when other rules were
// set, and with the context's error when the space is closed.
type Applying struct {
	s       *Space
	rules   *identity.Ruleset
	version *RulesVersion
	rec     rulesRecord
	held    bool // the writer's lock, see Hold
}

// applyRules has Config.ApplyRules do the work, and notes that all of it is done.
func (s *Space) applyRules(ctx context.Context) error {
	w := &Applying{s: s, version: s.version.Load(), rules: s.rules.Load()}
	var err error
	if w.rec, err = s.rulesAtWork(); err != nil {
		return err
	}
	if w.rec.Version != w.version.Version {
		return ErrRulesMoved
	}
	if err := s.cfg.ApplyRules(ctx, w); err != nil {
		return err
	}
	return w.end(ctx)
}

// end notes that what is there follows from the rules at work.
func (w *Applying) end(ctx context.Context) error {
	s := w.s
	s.writing.Lock()
	defer s.writing.Unlock()
	rec, err := decodeRules(s.ruleBytes)
	if err != nil {
		return err
	}
	if rec.Version != w.version.Version || !rec.Applying {
		return ErrRulesMoved
	}
	rec.Applying, rec.Cause, rec.Rekey, rec.Reorder = false, "", 0, false
	s.announceRules(ctx)
	stored, err := s.putRules(ctx, rec, nil)
	if err != nil {
		return err
	}
	s.adopt(w.rules, rec, stored)
	return nil
}

// rulesAtWork reads the record of the rules that this node works by.
func (s *Space) rulesAtWork() (rulesRecord, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	return decodeRules(s.ruleBytes)
}

// Everything reports whether all places are to be decided again, for the order of
// events counts, or counted.
func (w *Applying) Everything() bool { return w.rec.Reorder || w.rules.Arrival() }

// View opens a view of the space as it is now, by the rules that are applied and the
// overrides at work. Whoever opens a view closes it.
func (w *Applying) View(ctx context.Context) (*View, error) {
	return w.s.viewBy(ctx, w.rules)
}

// Rekey is the version of the rules that looks for IDs in other places than the one
// before it, while the events that were there then are not all under the strands of the
// rules at work; 0 when they are. With reorder, the order of events changed with it.
func (w *Applying) Rekey() (version uint64, reorder bool) { return w.rec.Rekey, w.rec.Reorder }

// Definitions are those of traits and audiences at work.
func (w *Applying) Definitions() *Definitions { return w.s.definitions.Load() }

// Exclusive reports whether nobody else writes the store.
func (w *Applying) Exclusive() bool { return w.s.store.Exclusive() }

// Strands is about how many strands there are.
func (w *Applying) Strands() int64 { return w.s.stats.strands.Load() }

// EventsWait reports whether events wait to be taken.
func (w *Applying) EventsWait() bool { return w.s.queueBytes.Load() > 0 }

// Hold has events wait until release is called, on a store that nobody else writes,
// and reports whether it does.
func (w *Applying) Hold() (release func(), held bool) {
	if !w.s.store.Exclusive() {
		return func() {}, false
	}
	w.s.writing.Lock()
	w.held = true
	return func() {
		w.held = false
		w.s.writing.Unlock()
	}, true
}

// Tell says how far the work is.
func (w *Applying) Tell(ctx context.Context, p ApplyProgress) error {
	w.s.apply.progress.Store(&p)
	if w.s.version.Load().Version != w.version.Version {
		return ErrRulesMoved
	}
	return ctx.Err()
}

// Decide decides places again, each given by its strands, in one commit. What other
// nodes keep changing is left to the next pass.
func (w *Applying) Decide(ctx context.Context, places [][]identity.Hash) error {
	s := w.s
	if !w.held {
		s.writing.Lock()
		defer s.writing.Unlock()
	}
	err := s.updateByRules(ctx, change{rules: w.rules}, func(d *Tx) error {
		if s.version.Load().Version != w.version.Version {
			return ErrRulesMoved
		}
		for _, strands := range places {
			if err := d.DecideAgain(strands); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, ErrBusy) {
		return nil
	}
	return err
}

// Move moves events, or settles what they left behind, in one commit. f is called again
// when other nodes came in between. ErrDefinitionsMoved if other definitions than these
// are in force; nil: whichever are.
func (w *Applying) Move(ctx context.Context, definitions *Definitions, f func(*Tx) error) error {
	s := w.s
	s.writing.Lock()
	defer s.writing.Unlock()
	var done *Tx
	err := s.updateByRules(ctx, change{rules: w.rules, definitions: definitions}, func(d *Tx) error {
		done = d
		return f(d)
	})
	if err == nil {
		s.unlearn(done)
	}
	return err
}

// updateByRules is update for the job that applies rules: the changes are due to the
// rules in force, and this node must hold the lease for it. The caller holds the
// writer's lock.
func (s *Space) updateByRules(ctx context.Context, ch change, f func(*Tx) error) error {
	return s.Again(ctx, func() error {
		fence, err := s.leases.rules.Hold(ctx)
		if err != nil {
			return err
		}
		ch.fence = fence
		_, err = s.try(ctx, ch, func(c *commit) error {
			if err := f(c.Tx); err != nil {
				return err
			}
			rec, err := decodeRules(s.ruleBytes)
			if err != nil {
				return err
			}
			if rec.Cause == "" {
				rec.Cause = fmt.Sprintf("rules: version %d", rec.Version)
			}
			c.DropDeferred() // the next pass sees what the job would, see watch
			c.SetCause(rec.Cause)
			return nil
		})
		return err
	})
}
