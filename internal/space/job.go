package space

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
	"github.com/selfsame-id/selfsame/internal/task"
)

// maxSeeds is how many deferred replays one run of the job takes together.
const maxSeeds = 20000

// jobState is when the job of pending replays may run again: it takes at most a
// fifth of the writer's time, so a crowded kiosk delays its own answers and not
// everybody's events.
type jobState struct {
	next   time.Time
	sweep  []byte    // where the removal of old messageIds goes on, on a shared store
	duties time.Time // when this node asked for the leases last
	trim   time.Time // when to look again at the budget of refused messages
	// elsewhere is what the other lanes had of each source's rejects at that look: less
	// than nothing where they removed what this one had added.
	elsewhere map[string]rejectCount

	counted time.Time // when the gauges were looked up in a shared store
}

const jobPause = 300 * time.Millisecond

// runJob finishes replays that were deferred, all that wait together, and removes
// what is kept for a time only.
func (s *Space) runJob(ctx context.Context) (task.Rest, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if !s.store.Exclusive() {
		return s.runSharedJob(ctx), nil
	}
	replayed := s.pending.Load() > 0 && !s.version.Load().Applying
	if replayed {
		s.replayNow(lease.Fence{})
	}
	rest := task.Rest{Least: jobPause, Most: s.IdleRest()}
	if replayed {
		rest.Least = max(jobPause, time.Until(s.job.next))
	}
	if err := s.trimRejects(ctx, lease.Fence{}); err != nil && ctx.Err() == nil {
		s.log.Warn("old refused messages could not be removed; this will be tried again", "space", s.cfg.ID, "error", err)
	}
	switch {
	case s.job.trim.IsZero() || s.pending.Load() > 0 && !s.version.Load().Applying:
		rest.Most = rest.Least
	case s.InUse():
		rest.Most = rejectTrimPause
	}
	return rest, nil
}

// jobErrorPause is how long the job waits after it failed.
const jobErrorPause = 5 * time.Second

// runSharedJob does what this node holds the leases for, on a store of several nodes.
// One on which the space is idle leaves them to others, and looks now and then whether
// there is work that nobody does.
func (s *Space) runSharedJob(ctx context.Context) (rest task.Rest) {
	began := time.Now()
	defer func() {
		if s.busy() {
			// Looking takes some round trips: a slow store must not be left with nothing
			// else to do, and the leases are to be renewed in time.
			rest.Least = min(max(jobPause, 4*time.Since(began)), lease.Duration/4)
			rest.Least = max(rest.Least, time.Until(s.job.next))
			rest.Most = rest.Least
		} else {
			rest = task.Rest{Least: jobPause, Most: s.IdleRest()}
		}
	}()
	err := s.refreshGauges(ctx)
	if err == nil && !s.busy() && began.Sub(s.job.duties) < idlePause {
		return rest
	}
	if err == nil {
		err = errors.Join(s.ruleDuty(), s.jobDuty())
		s.job.duties = began
	}
	if err != nil && ctx.Err() == nil {
		s.log.Warn("the job could not run and will be tried again", "space", s.cfg.ID, "error", err)
	}
	return rest
}

// busy reports whether a shared store has work of the space, or is about to.
func (s *Space) busy() bool {
	return s.InUse() || s.pending.Load() > 0 || s.version.Load().Applying || s.job.sweep != nil
}

// ruleDuty goes on with a change of rules, if this node holds the lease.
func (s *Space) ruleDuty() error {
	switch _, err := s.leases.rules.Hold(s.life); {
	case errors.Is(err, lease.ErrHeld):
		return nil
	case err != nil:
		return err
	}
	return s.takeOverRules(s.life)
}

// jobDuty decides what was deferred and removes what is too old, if this node holds the
// lease.
func (s *Space) jobDuty() error {
	fence, err := s.leases.job.Hold(s.life)
	if errors.Is(err, lease.ErrHeld) {
		s.job.sweep = nil
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.seeRules(s.life); err != nil {
		return err
	}
	if !s.version.Load().Applying { // which would decide it again anyhow
		s.replayNow(fence)
	}
	if err = s.sweepRepeats(s.life, fence); err == nil {
		err = s.trimRejects(s.life, fence)
	}
	if errors.Is(err, kv.ErrConflict) {
		err = nil // somebody sent one again; the next look comes
	}
	return err
}

func (s *Space) replayNow(fence lease.Fence) {
	began := time.Now()
	err := s.replayPending(s.life, fence)
	if errors.Is(err, kv.ErrConflict) {
		s.stats.conflicts.Add(1)
		err = nil // events of other nodes came in between; the seeds are still there
	}
	if err != nil && s.life.Err() == nil {
		s.log.Error("a pending replay failed and will be tried again", "space", s.cfg.ID, "error", err)
		s.job.next = time.Now().Add(jobErrorPause)
		return
	}
	s.job.next = time.Now().Add(max(jobPause, 4*time.Since(began)))
}

// readSeeds lists replays that wait, limit of them at most.
func readSeeds(ctx context.Context, r kv.Reader, keys codec.Keyspace, limit int) ([]codec.Deferred, error) {
	from, end := codec.Deferrals.All(keys)
	page, err := r.Scan(ctx, from, end, limit, false)
	if err != nil {
		return nil, err
	}
	seeds := make([]codec.Deferred, 0, len(page))
	for _, e := range page {
		rec, err := codec.DecodeDeferred(e.Value)
		if err != nil {
			return nil, err
		}
		seeds = append(seeds, *rec)
	}
	return seeds, nil
}

// replayPending decides the seeds that wait and what follows from them, without
// a bound, in one commit.
func (s *Space) replayPending(ctx context.Context, fence lease.Fence) error {
	var recs []codec.Deferred
	_, err := s.try(ctx, change{fence: fence}, func(d *Tx) (err error) {
		if recs, err = readSeeds(ctx, d.r, s.keys, maxSeeds); err != nil || len(recs) == 0 {
			return err
		}
		d.engine.Bound, d.touchBound, d.job = 0, 0, true
		for _, coll := range [...]identity.Collection{identity.Users, identity.Accounts} {
			if err := d.replaySeeds(recs, coll); err != nil {
				return err
			}
		}
		d.settledSeeds = recs
		return nil
	})
	if err != nil {
		return err
	}
	if len(recs) == 0 {
		s.pending.Store(0)
		return nil
	}
	if s.pending.Add(-int64(len(recs))) < 0 {
		s.pending.Store(0) // they were another node's
	}
	if len(recs) == maxSeeds {
		s.pending.Store(max(1, s.pending.Load()))
	}
	return nil
}

func (d *Tx) replaySeeds(recs []codec.Deferred, coll identity.Collection) error {
	var seeds []identity.Seed
	var hashes []identity.Hash
	for i := range recs {
		if recs[i].Collection == coll {
			hashes = append(hashes, recs[i].Strand)
		}
	}
	if len(hashes) == 0 {
		return nil
	}
	if err := d.LoadStrands(hashes...); err != nil {
		return err
	}
	var ids []identity.Hash
	for i := range recs {
		k := d.strands[recs[i].Strand]
		if recs[i].Collection != coll || k == nil {
			continue
		}
		pos := identity.Pos{Class: k.First.Class, Moment: recs[i].Moment, Strand: k.Hash}
		seeds = append(seeds, identity.Seed{Strand: k.Strand, Pos: pos, Unsettled: true})
		for j := range k.Links {
			ids = append(ids, k.Links[j].Hash)
		}
	}
	if len(seeds) == 0 {
		return nil
	}
	change, err := d.engine.Replay(d, seeds)
	if err != nil {
		return err
	}
	d.replays++
	d.decisions += int64(change.Decisions)
	// The sources of events are in the journal: of the last that waited, to which
	// the changes are put down, and of those that became their strands' first.
	cause, err := d.occasionOf(seeds[len(seeds)-1].Pos)
	if err != nil {
		return err
	}
	if err := d.apply(change, cause); err != nil {
		return err
	}
	if err := d.sourceFirsts(change.Strands); err != nil {
		return err
	}
	return d.clearPending(ids)
}

// clearPending makes the answers about IDs final.
func (d *Tx) clearPending(ids []identity.Hash) error {
	if err := d.LoadOwners(ids...); err != nil {
		return err
	}
	for _, h := range ids {
		if n := d.nodes[h]; n != nil && n.Pending {
			n.Pending = false
			d.changedNodes[h] = true
			if p, rec := d.Owner(h); rec != nil {
				d.touch(p)
			}
		}
	}
	return nil
}

// occasionOf tells of a stored event what the feed wants to know.
func (d *View) occasionOf(p identity.Pos) (occasion, error) {
	e, err := journal.ReadEvent(d.ctx, d.r, d.keys, p.Moment)
	return occasion{p, strings.Clone(e.MessageID), e.Source}, err
}

// sourceFirsts reads the sources of the strands' first events.
func (d *View) sourceFirsts(strands []*identity.Strand) error {
	for _, s := range strands {
		at := s.First.Arrival
		heads, err := journal.ReadHeads(d.ctx, d.r, d.keys, at.Block())
		if err != nil {
			return err
		}
		if o := at.Ordinal(); o < len(heads) && heads[o].Type != 0 {
			d.strands[s.Hash].Source = heads[o].Source
		}
	}
	return nil
}
