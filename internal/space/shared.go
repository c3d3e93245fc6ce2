package space

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/counts"
)

// renewLane goes on in a new lane when nobody can say how far the old one was
// written.
func (s *Space) renewLane(ctx context.Context) error {
	if !s.lostLane {
		return nil
	}
	if err := s.newLane(ctx); err != nil {
		return err
	}
	s.feedSeq, s.counters, s.sources, s.lostLane = 0, codec.Counters{}, counts.Sources{}, false
	s.rejects.NewLane()
	return nil
}

// A change of rules writes the record that every commit holds while it lands, and
// the database lets those who only look at a row pass whoever waits to write it:
// with many busy nodes there is always one. So the change is announced, and every
// node lets a moment pass before its next commit.
const (
	noticeTime = 3 * time.Second
	yieldPause = 200 * time.Millisecond
)

// errYield: rules are being changed, and this commit waits a moment.
var errYield = errors.New("rules are being changed")

// announceRules tells other nodes that this one is about to write the rules' record. It
// is a courtesy: nothing depends on it.
func (s *Space) announceRules(ctx context.Context) {
	if s.store.Exclusive() {
		return
	}
	var b kv.Batch
	b.Put(codec.RulesNotice.Key(s.keys), codec.AppendTime(nil, s.cfg.Now().Add(noticeTime).UnixNano()))
	if err := s.store.Commit(ctx, &b); err != nil {
		s.log.Debug("a change of rules could not be announced", "space", s.cfg.ID, "error", err)
	}
}

// leases are those of this node, one for each duty that must have one owner.
type leases struct {
	job   *lease.Lease // deferred replays; removes old messageIds and refused messages
	rules *lease.Lease // applies new rules to what is there
}

func (s *Space) newLeases() leases {
	of := func(duty string) *lease.Lease { return lease.New(s.store, s.keys, duty, s.cfg.Now) }
	return leases{job: of("job"), rules: of("rules")}
}

// release lets other nodes go on at once.
func (l *leases) release(ctx context.Context) error {
	return errors.Join(l.job.Release(ctx), l.rules.Release(ctx))
}

// refresh takes over rules that another node has set.
func (s *Space) refresh(ctx context.Context, r kv.Reader, stored []byte) error {
	if string(stored) == string(s.ruleBytes) {
		return nil
	}
	rec, err := decodeRules(stored)
	if err != nil {
		return err
	}
	rs := s.rules.Load()
	if s.version.Load().Version != rec.Version {
		if rs, err = identity.Compile(rec.Rules); err != nil {
			return fmt.Errorf("the stored rules: %w", err)
		}
	}
	if err := s.loadOverrides(ctx, r, rec.Overrides); err != nil {
		return err
	}
	if err := s.loadDefinitions(ctx, r, rec.Definitions); err != nil {
		return err
	}
	s.adopt(rs, rec, stored)
	return nil
}

// seeRules takes over rules that another node has set, if there are such.
func (s *Space) seeRules(ctx context.Context) error {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	return s.followRules(ctx, r)
}

// takeOverRules sees to it that the holder of the lease goes on with a change of rules,
// whichever node set them.
func (s *Space) takeOverRules(ctx context.Context) error {
	if err := s.seeRules(ctx); err != nil {
		return err
	}
	if s.version.Load().Applying {
		s.wakeApply()
	}
	return nil
}

// sweepRepeats removes the keys of messageIds whose dedupe window is over, a
// page at a time, so that a pass takes about half a window.
func (s *Space) sweepRepeats(ctx context.Context, fence lease.Fence) error {
	window := int64(s.cfg.DedupeWindow)
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	from, end := codec.RecentShared.All(s.keys)
	if s.job.sweep != nil {
		from = s.job.sweep
	}
	page, err := r.Scan(ctx, from, end, 1000, false)
	if err != nil {
		return err
	}
	now := s.cfg.Now().UnixNano()
	var b kv.Batch
	gone := 0
	fence.Require(&b)
	for _, e := range page {
		if len(e.Value) >= 8 && codec.ParseTime(e.Value) <= now-window {
			b.Require(e.Key, e.Value)
			b.Delete(e.Key)
			gone++
		}
	}
	s.job.sweep = nil
	if len(page) == 1000 {
		s.job.sweep = kv.After(page[len(page)-1].Key)
	}
	if gone == 0 {
		return nil
	}
	err = s.store.Commit(ctx, &b)
	if errors.Is(err, kv.ErrConflict) || errors.Is(err, kv.ErrUnknown) {
		return nil // the next pass comes by again
	}
	return err
}
