package space

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// change says under which conditions a commit may be made.
type change struct {
	rules       *identity.Ruleset // the rules that it was made for; nil: whichever are in force
	definitions *Definitions      // the same of definitions
	fence       lease.Fence       // the lease without which it must not be made, on a shared store
	room        *commit           // an empty commit whose maps are used again; nil: none
	detached    bool              // once it is decided it is committed, even if the context ends
	told        bool              // it is told to the feed even if it changes nothing
}

// update makes a change, after a pause again for as long as it conflicts with other
// nodes. ErrBusy ends what was done too often. The caller holds the writer's lock.
func (s *Space) update(ctx context.Context, ch change, f func(*Tx) error) error {
	return s.Again(ctx, func() error {
		_, err := s.try(ctx, ch, func(c *commit) error { return f(c.Tx) })
		return err
	})
}

// try makes a change once. Every commit goes this way: the lane is known, the
// rules in force are those of the snapshot, f decides, and what comes of it is one
// batch with one record of the feed, which is durable when try returns. What f
// returns ends it, and nothing is written. The transaction is returned in any case.
// The caller holds the writer's lock.
//
// kv.ErrConflict: another node changed what the change relies on. ErrRulesMoved,
// ErrDefinitionsMoved: others are in force than those it was made for. errYield: rules are being
// changed, and whoever has many commits to make lets a moment pass. kv.ErrCorrupt:
// what is stored contradicts itself.
func (s *Space) try(ctx context.Context, ch change, f func(*commit) error) (*commit, error) {
	c := ch.room
	if c == nil {
		c = newCommit()
	}
	if err := s.renewLane(ctx); err != nil {
		return c, err
	}
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return c, err
	}
	defer r.Close()
	if err := s.followRules(ctx, r); err != nil {
		return c, err
	}
	rs := s.rules.Load()
	if ch.rules != nil && ch.rules != rs {
		return c, ErrRulesMoved
	}
	if ch.definitions != nil && ch.definitions != s.definitions.Load() {
		return c, ErrDefinitionsMoved
	}
	// After the first read, so after the times of all commits that this one builds
	// upon: readers of the feed take the lanes together by time, and would else see
	// a version of a profile before the one that it came from.
	s.open(ctx, c, r, rs, s.cfg.Now())
	if err := s.decided(c, f); err != nil {
		return c, err
	}
	if c.blocks > 0 && !c.Observed().Before(c.block(0).At(0)) {
		s.clock = max(s.clock, c.Observed().Block().Clock())
		return c, errClockBehind
	}
	if c.Empty() && !ch.told {
		return c, nil
	}
	ch.fence.Require(&c.Batch)
	s.finish(c)
	if ch.detached {
		ctx = context.WithoutCancel(ctx)
	}
	return c, s.commitTx(ctx, c)
}

// decided has f decide, and puts what changed into the batch. A mistake of ours, or
// a store that contradicts itself, costs this change and not the process: SDKs send
// again, and what was deferred is still there at the next start, so a process that
// ended would end again and again. It is kv.ErrCorrupt.
func (s *Space) decided(c *commit, f func(*commit) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("a commit could not be decided", "space", s.cfg.ID, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: what is stored contradicts itself", kv.ErrCorrupt)
		}
	}()
	if err := f(c); err != nil {
		return err
	}
	return c.Stage()
}

// finish adds what every commit has: the feed record, counters, and on a shared
// store the preconditions.
func (s *Space) finish(c *commit) {
	b := &c.Batch
	if c.Done.Counters != (codec.Counters{}) {
		total := s.counters
		total.Add(c.Done.Counters)
		b.Put(codec.LaneCounters.Key(s.keys, s.lane), total.Append(nil))
	}
	s.stageSources(c)
	c.record.Events = len(c.fresh)
	b.Count(len(c.fresh))
	c.record.Time = max(c.record.Time, s.feedTime) // within a lane time never goes back
	c.record.Changes, c.record.Rewritten = c.Changes(), c.Rewritten()
	// The record is inserted, never overwritten: it is also the commit's token.
	s.putNew(b, codec.FeedRecords.Key(s.keys, c.record.Lane, c.record.Seq), c.record.Append(nil))
	c.RequireReads()
	if !s.store.Exclusive() {
		b.Require(codec.Rules.Key(s.keys), s.ruleBytes)
	}
}

// putNew puts a key that cannot be there, because its block is this lane's. A
// shared store is told so: it need not look first. An exclusive one would look.
func (s *Space) putNew(b *kv.Batch, key, value []byte) {
	if s.store.Exclusive() {
		b.Put(key, value)
	} else {
		b.Insert(key, value)
	}
}

// commitTx commits a transaction and learns from it.
func (s *Space) commitTx(ctx context.Context, c *commit) error {
	if err := s.stageCounts(ctx, c); err != nil {
		return err
	}
	began := time.Now()
	err := s.store.Commit(ctx, &c.Batch)
	if errors.Is(err, kv.ErrUnknown) {
		if err = s.resolveUnknown(ctx, c, err); err != nil && !s.store.Exclusive() {
			// The commit may be there after all, and with it the record that
			// comes next in this lane.
			s.lostLane = true
		}
	}
	s.stats.commit.Add(int64(time.Since(began)))
	if err != nil {
		s.hour.known = false
		return err
	}
	s.learn(c)
	return nil
}

// resolveUnknown learns the fate of a commit whose outcome is unknown: its feed
// record is there or not. The lane is ours alone, so a record there is this
// commit's; and since the record is inserted, trying again cannot write twice.
func (s *Space) resolveUnknown(ctx context.Context, c *commit, err error) error {
	key := codec.FeedRecords.Key(s.keys, c.record.Lane, c.record.Seq)
	for try := 0; try < commitTries; try++ {
		select {
		case <-time.After(20 * time.Millisecond << min(try, 6)):
		case <-ctx.Done():
			return err
		}
		r, rerr := s.store.Snapshot(ctx)
		if rerr != nil {
			continue
		}
		values, rerr := r.Get(ctx, key)
		r.Close()
		if rerr != nil {
			continue
		}
		if values[0] != nil {
			return nil
		}
		if !errors.Is(err, kv.ErrUnknown) {
			return err
		}
		err = s.store.Commit(ctx, &c.Batch)
		if err == nil {
			return nil
		}
	}
	return err
}

// errClockBehind: a commit read of an event that arrived later than what it was about
// to store, for the clocks of nodes disagree. The lane's clock is moved, and it is
// planned again.
var errClockBehind = errors.New("the clock is behind what is stored")

// written reports whether a conflict is with the record of the commit itself: an
// earlier one of this lane, whose fate was not known, has happened after all.
func (s *Space) written(c *commit, conflict *kv.Conflict) bool {
	own := codec.FeedRecords.Key(s.keys, c.record.Lane, c.record.Seq)
	return slices.ContainsFunc(conflict.Keys, func(k []byte) bool { return string(k) == string(own) })
}

// Again does f again, after a pause, for as long as it conflicts with other nodes.
// ErrBusy ends what was done too often.
func (s *Space) Again(ctx context.Context, f func() error) error {
	for try := 0; ; try++ {
		err := f()
		if !errors.Is(err, kv.ErrConflict) {
			return err
		}
		s.stats.conflicts.Add(1)
		if try == commitTries {
			return ErrBusy
		}
		if err := s.pause(ctx, try); err != nil {
			return err
		}
	}
}

// pause waits for a random time that grows with the tries.
func (s *Space) pause(ctx context.Context, try int) error {
	select {
	case <-time.After(time.Duration(rand.Int64N(int64(2*time.Millisecond) << min(try, 6)))):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
