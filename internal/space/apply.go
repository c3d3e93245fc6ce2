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
// A crash loses the pass and nothing else.

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

// applyPasses is after how many passes the next one holds the writer's lock, so
// that it comes to an end under any load. Shared stores have no such lock.
const applyPasses = 6

// portionStrands is about how many strands are decided again in one commit, so
// that events wait for some tens of milliseconds.
const portionStrands = 500

// errRulesMoved: other rules were set, or another node took over.
var errRulesMoved = errors.New("other rules were set meanwhile")

// runRules applies new rules to what is there, if there is need to.
func (s *Space) runRules(ctx context.Context) (task.Rest, error) {
	for ctx.Err() == nil && s.version.Load().Applying {
		err := s.applyRules(ctx)
		s.apply.progress.Store(nil)
		if err == nil || (errors.Is(err, errRulesMoved) || errors.Is(err, ErrDefinitionsMoved)) && s.store.Exclusive() {
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

// applyRules brings what is there into line with the rules at work.
func (s *Space) applyRules(ctx context.Context) error {
	version := s.version.Load()
	rs := s.rules.Load()
	rec, err := s.rulesAtWork()
	if err != nil {
		return err
	}
	if rec.Version != version.Version {
		return errRulesMoved
	}
	if rec.Rekey != 0 {
		if err := s.rekey(ctx, rs, &rec, func(stage string, done, total int64) error {
			return s.tellApply(ctx, version, ApplyProgress{Stage: stage, Done: done, Total: total})
		}); err != nil {
			return err
		}
	}
	changed := int64(0)
	for pass := 1; ; pass++ {
		n, err := s.applyPass(ctx, rs, version, pass, changed, pass == 1 && (rec.Reorder || rs.Arrival()))
		if err != nil {
			return err
		}
		changed += n
		if n == 0 && pass > 1 {
			break
		}
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if rec, err = decodeRules(s.ruleBytes); err != nil {
		return err
	}
	if rec.Version != version.Version || !rec.Applying {
		return errRulesMoved
	}
	rec.Applying, rec.Cause, rec.Rekey, rec.Reorder = false, "", 0, false
	s.announceRules(ctx)
	stored, err := s.putRules(ctx, rec, nil)
	if err != nil {
		return err
	}
	s.adopt(rs, rec, stored)
	return nil
}

// rulesAtWork reads the record of the rules that this node works by.
func (s *Space) rulesAtWork() (rulesRecord, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	return decodeRules(s.ruleBytes)
}

// tellApply says how far the work is. errRulesMoved ends it when other rules were
// set, and the context's error when the space is closed.
func (s *Space) tellApply(ctx context.Context, version *RulesVersion, p ApplyProgress) error {
	s.apply.progress.Store(&p)
	if s.version.Load().Version != version.Version {
		return errRulesMoved
	}
	return ctx.Err()
}

// applyPass decides again what differs in a snapshot, or all of it, and returns
// how many places that were.
func (s *Space) applyPass(ctx context.Context, rs *identity.Ruleset, version *RulesVersion, pass int, before int64, all bool) (int64, error) {
	locked := s.store.Exclusive() && pass > applyPasses
	if locked {
		s.writing.Lock()
		defer s.writing.Unlock()
	}
	tell := func(stage string, done, total, changed int64) error {
		return s.tellApply(ctx, version, ApplyProgress{Pass: pass, Stage: stage, Done: done, Total: total, Changed: before + changed})
	}
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	view := modelView{s: s, r: r, rules: rs, over: s.overrides.Load().identity, strict: pass == 1, all: all, owners: true}
	models, err := view.read(ctx, func(n int64) error { return tell("reading", n, s.stats.strands.Load(), 0) })
	if err != nil {
		return 0, err
	}
	changed := int64(0)
	for _, m := range models {
		outcome, err := m.Outcome(view.events(ctx), func(int, int) error { return tell("reading", 0, 0, changed) })
		if err != nil {
			return changed, err
		}
		places := outcome.Different()
		for done := 0; done < len(places); {
			if err := tell("deciding", int64(done), int64(len(places)), changed); err != nil {
				return changed, err
			}
			end, strands := done, 0
			for end < len(places) && (strands == 0 || strands+len(places[end]) <= portionStrands) {
				strands += len(places[end])
				end++
			}
			began := time.Now()
			if err := s.applyPortion(ctx, rs, version, places[done:end], locked); err != nil {
				return changed, err
			}
			changed += int64(end - done)
			done = end
			if s.queueBytes.Load() > 0 && !locked {
				time.Sleep(min(time.Since(began), 50*time.Millisecond)) // events come first
			}
		}
	}
	return changed, nil
}

// applyPortion decides some places again in one commit.
func (s *Space) applyPortion(ctx context.Context, rs *identity.Ruleset, version *RulesVersion, places [][]identity.Hash, locked bool) error {
	if !locked {
		s.writing.Lock()
		defer s.writing.Unlock()
	}
	err := s.updateByRules(ctx, rs, func(d *Tx) error {
		if s.version.Load().Version != version.Version {
			return errRulesMoved
		}
		for _, strands := range places {
			if err := d.decideAgain(strands); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, ErrBusy) {
		return nil // the next pass comes by again
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
