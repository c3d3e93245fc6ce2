package space

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/counts"
	"github.com/selfsame-id/selfsame/internal/space/dedupe"
	"github.com/selfsame-id/selfsame/internal/space/journal"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// scanPage is how many entries a scan takes at once.
const scanPage = 512

// recover reads what the writer must know of the history: where its lane ends,
// what was counted, which messages are recent, what waits.
func (s *Space) recover(ctx context.Context) error {
	began := time.Now()
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	s.stats.counted.Store(began.UnixNano())
	if err := s.takeLane(ctx, r); err != nil {
		return err
	}
	if err := s.recoverCounters(ctx, r); err != nil {
		return err
	}
	if err := s.recoverTypes(ctx, r); err != nil {
		return err
	}
	seeds, err := tx.ReadDeferred(ctx, r, s.keys, maxSeeds)
	if err != nil {
		return err
	}
	s.pending.Store(int64(len(seeds)))
	if err := s.rejects.Recover(ctx, r, s.lane); err != nil {
		return err
	}
	if s.sources, err = counts.ReadSources(ctx, r, s.keys, s.lane); err != nil {
		return err
	}
	if err := s.recoverRepeats(ctx, r); err != nil {
		return err
	}
	return s.recoverRules(ctx, r)
}

// takeLane finds the end of the lane of an exclusive store, or takes a new lane
// of a shared one: a lane belongs to one process.
//
// A store that was copied from a shared one has blocks and feed records of many
// lanes. Its only writer goes on in the highest.
func (s *Space) takeLane(ctx context.Context, r kv.Reader) error {
	if !s.store.Exclusive() || s.cfg.FreshLane {
		return s.newLane(ctx)
	}
	highest, err := s.highestLane(ctx, r)
	if err != nil {
		return err
	}
	s.lane = max(1, highest)
	if s.clock, err = s.lastClock(ctx, r); err != nil {
		return err
	}
	if s.feedSeq, err = lastKey(ctx, r, codec.FeedRecords.Of(s.keys, s.lane), codec.FeedRecords.Of(s.keys, s.lane+1), seqOfRecord); err != nil || s.feedSeq == 0 {
		return err
	}
	got, err := r.Get(ctx, codec.FeedRecords.Key(s.keys, s.lane, s.feedSeq))
	if err != nil {
		return err
	}
	rec, err := feed.Decode(got[0])
	s.feedTime = rec.Time
	return err
}

// lastClock is the clock of the last block of the store, whoever wrote it; 0 if
// there is none.
func (s *Space) lastClock(ctx context.Context, r kv.Reader) (uint64, error) {
	from, to := codec.Headers.All(s.keys)
	return lastKey(ctx, r, from, to, func(key []byte) (uint64, bool) {
		block, ok := codec.Headers.Parse(key)
		return block.Clock(), ok
	})
}

// highestLane is the highest lane of which anything is in the store, or was
// counted.
func (s *Space) highestLane(ctx context.Context, r kv.Reader) (uint64, error) {
	from, to := codec.FeedRecords.All(s.keys)
	lane, err := lastKey(ctx, r, from, to, laneOfRecord)
	if err != nil {
		return 0, err
	}
	got, err := r.Get(ctx, s.lanesKey())
	if err != nil {
		return 0, err
	}
	n := uint64(0)
	if len(got[0]) == 8 {
		n = binary.BigEndian.Uint64(got[0])
	}
	return max(lane, n), nil
}

// lastKey is what number reads in the last key of a range; 0 if there is none.
func lastKey(ctx context.Context, r kv.Reader, from, to []byte, number func(key []byte) (uint64, bool)) (uint64, error) {
	page, err := r.Scan(ctx, from, to, 1, true)
	if err != nil || len(page) == 0 {
		return 0, err
	}
	n, ok := number(page[0].Key)
	if !ok {
		return 0, fmt.Errorf("%w: a key of %d bytes", kv.ErrCorrupt, len(page[0].Key))
	}
	return n, nil
}

func laneOfRecord(key []byte) (uint64, bool) {
	lane, _, ok := codec.FeedRecords.Parse(key)
	return lane, ok
}

func seqOfRecord(key []byte) (uint64, bool) {
	_, seq, ok := codec.FeedRecords.Parse(key)
	return seq, ok
}

// lanesKey counts the lanes of a shared store.
func (s *Space) lanesKey() []byte { return codec.Lanes.Key(s.keys) }

// newLane counts up the lanes of a shared store. One that was copied from an
// exclusive store has a lane that was never counted.
func (s *Space) newLane(ctx context.Context) error {
	key := s.lanesKey()
	for try := 0; ; try++ {
		r, err := s.store.Snapshot(ctx)
		if err != nil {
			return err
		}
		got, err := r.Get(ctx, key)
		n, clock := uint64(0), uint64(0)
		if err == nil {
			n, err = s.highestLane(ctx, r)
		}
		if err == nil {
			clock, err = s.lastClock(ctx, r)
		}
		r.Close()
		if err != nil {
			return err
		}
		if n >= math.MaxUint32 {
			return errors.New("the store has had as many writers as it can tell apart")
		}
		var b kv.Batch
		b.Require(key, got[0])
		b.Put(key, binary.BigEndian.AppendUint64(nil, n+1))
		if err = s.store.Commit(ctx, &b); err == nil {
			s.lane, s.clock = n+1, max(s.clock, clock)
			return nil
		}
		if !errors.Is(err, kv.ErrConflict) && !errors.Is(err, kv.ErrUnknown) || try > 50 {
			return err
		}
	}
}

func (s *Space) recoverCounters(ctx context.Context, r kv.Reader) error {
	total, err := tx.ReadCounters(ctx, r, s.keys)
	if err != nil {
		return err
	}
	s.stats.profiles.Store(total.Profiles)
	s.stats.strands.Store(total.Strands)
	own, err := r.Get(ctx, codec.LaneCounters.Key(s.keys, s.lane))
	if err == nil && own[0] != nil {
		s.counters, err = codec.DecodeCounters(own[0])
	}
	return err
}

// recoverRepeats fills the memory of recent messages from the blocks that are
// younger than what it has in the store.
func (s *Space) recoverRepeats(ctx context.Context, r kv.Reader) error {
	if !s.store.Exclusive() {
		s.dedupe = newSharedRepeats(s.cfg.DedupeWindow)
		return nil
	}
	rec, err := dedupe.Open(ctx, s.store, s.keys, dedupe.Config{Budget: s.cfg.DedupeBytes, Window: s.cfg.DedupeWindow, Tasks: s.cfg.Tasks, Log: s.log})
	if err != nil {
		return err
	}
	s.dedupe = &localRepeats{rec, int64(s.cfg.DedupeWindow)}
	from := codec.Headers.Key(s.keys, event.NewBlock(rec.SealedBlock()+1, 0))
	_, end := codec.Headers.All(s.keys)
	for {
		page, err := r.Scan(ctx, from, end, 64, false)
		if err != nil {
			return err
		}
		for _, e := range page {
			block, ok := codec.Headers.Parse(e.Key)
			if !ok {
				return kv.ErrCorrupt
			}
			heads, err := journal.DecodeHeader(e.Value)
			if err != nil {
				s.log.Warn("a block of events cannot be read; what it held is not recognised when it is sent again", "space", s.cfg.ID, "block", block.String(), "error", err)
				continue
			}
			for i := range heads {
				if h := &heads[i]; h.Type != 0 {
					rec.Add(h.MessageHash, block.Clock(), block.Time())
				}
			}
		}
		if len(page) < 64 {
			return nil
		}
		from = kv.After(page[len(page)-1].Key)
	}
}
