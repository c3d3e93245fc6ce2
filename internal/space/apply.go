package space

import (
	"context"
	"errors"
	"fmt"
	"math"
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
		s.writing.Unlock()
		if err != nil {
			return err
		}
		if !s.version.Load().Applying {
			return nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
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

// applyRules moves events where rules look for IDs in other places, has
// Config.ApplyRules make the passes, and notes that all of it is done.
func (s *Space) applyRules(ctx context.Context) error {
	w := &Applying{s: s, version: s.version.Load(), rules: s.rules.Load()}
	var err error
	if w.rec, err = s.rulesAtWork(); err != nil {
		return err
	}
	if w.rec.Version != w.version.Version {
		return ErrRulesMoved
	}
	if w.rec.Rekey != 0 {
		if err := s.rekey(ctx, w.rules, &w.rec, func(stage string, done, total int64) error {
			return w.Tell(ctx, ApplyProgress{Stage: stage, Done: done, Total: total})
		}); err != nil {
			return err
		}
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
	r, err := w.s.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return w.s.newViewBy(ctx, r, w.rules), nil
}

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
	err := s.updateByRules(ctx, w.rules, func(d *Tx) error {
		if s.version.Load().Version != w.version.Version {
			return ErrRulesMoved
		}
		for _, strands := range places {
			if err := d.decideAgain(strands); err != nil {
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

// decideAgain resolves strands, and all that is tied to them by IDs that name
// somebody, from what is stored of their events. What else their profiles own
// today is decided in its own turn.
func (d *Tx) decideAgain(hashes []identity.Hash) error {
	d.touchBound = 0
	strands, err := d.component(hashes, nil, math.MaxInt64, math.MaxInt, d.ties)
	if err != nil {
		return err
	}
	var ids []identity.Hash
	seen := map[identity.Hash]bool{}
	for _, s := range strands {
		for i := range s.Links {
			if h := s.Links[i].Hash; !seen[h] {
				seen[h] = true
				ids = append(ids, h)
			}
		}
	}
	if err := d.LoadOwners(ids...); err != nil {
		return err
	}
	occ, err := d.needed(strands)
	if err != nil {
		return err
	}
	res := identity.Resolve(d.rules, d.engine.Overrides, occ)
	c := res.Change(d.rules, d.engine.Overrides, strands)
	c.Bare = nil
	for _, h := range ids {
		if _, owned := res.Owner[h]; !owned {
			if n := d.nodes[h]; n != nil && !n.Owner.IsZero() {
				c.Bare = append(c.Bare, identity.Member{ID: n.ID, Hash: h})
			}
		}
	}
	if err := d.prune(c); err != nil {
		return err
	}
	return d.apply(c, d.noEvent())
}

// needed is what Resolve needs of strands: their first events, or all.
func (d *View) needed(strands []*identity.Strand) ([]identity.Occurrence, error) {
	if identity.NeedsEvents(d.rules, d.engine.Overrides, strands) {
		return d.Arrivals(strands, math.MaxInt64, math.MaxInt)
	}
	out := make([]identity.Occurrence, len(strands))
	for i, s := range strands {
		out[i] = identity.Occurrence{Strand: s, Moment: s.First.Moment}
	}
	return out, nil
}

// updateByRules is update for the job that applies rules: the changes are due to the
// rules in force, and this node must hold the lease for it. The caller holds the
// writer's lock.
func (s *Space) updateByRules(ctx context.Context, rs *identity.Ruleset, f func(*Tx) error) error {
	return s.Again(ctx, func() error {
		fence, err := s.leases.rules.Hold(ctx)
		if err != nil {
			return err
		}
		_, err = s.try(ctx, change{rules: rs, fence: fence}, func(d *Tx) error {
			if err := f(d); err != nil {
				return err
			}
			rec, err := decodeRules(s.ruleBytes)
			if err != nil {
				return err
			}
			if rec.Cause == "" {
				rec.Cause = fmt.Sprintf("rules: version %d", rec.Version)
			}
			d.seeds = nil // the next pass sees what the job would, see watch
			d.setCause(rec.Cause)
			return nil
		})
		return err
	})
}
