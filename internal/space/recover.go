package space

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/kv"
)

// recover reads what the writer must know of the history: where its lane ends,
// what was counted, which messages are recent, what waits.
func (s *Space) recover(ctx context.Context) error {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := s.takeLane(ctx, r); err != nil {
		return err
	}
	if err := s.recoverCounters(ctx, r); err != nil {
		return err
	}
	if err := s.recoverTypes(ctx, r); err != nil {
		return err
	}
	seeds, err := s.readSeeds(ctx, r, maxSeeds)
	if err != nil {
		return err
	}
	s.pending.Store(int64(len(seeds)))
	if s.rejected, err = readRejectCounts(ctx, r, s.keys, s.lane); err != nil {
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
// lanes. Its only writer goes on in the highest, so that numbers of blocks grow
// with time, which recent messages rely on.
func (s *Space) takeLane(ctx context.Context, r kv.Reader) error {
	if !s.store.Exclusive() {
		return s.newLane(ctx)
	}
	highest, err := s.highestLane(ctx, r)
	if err != nil {
		return err
	}
	s.lane = max(1, highest)
	block, err := s.last(ctx, r, s.keys.number(kindHeader, s.lane<<laneShift), s.keys.number(kindHeader, (s.lane+1)<<laneShift), 0)
	if err != nil {
		return err
	}
	s.nextBlock = block&(1<<laneShift-1) + 1
	if s.feedSeq, err = s.last(ctx, r, s.keys.number(kindFeed, s.lane), s.keys.number(kindFeed, s.lane+1), 8); err != nil || s.feedSeq == 0 {
		return err
	}
	got, err := r.Get(ctx, s.keys.numbers(kindFeed, s.lane, s.feedSeq))
	if err != nil {
		return err
	}
	rec, err := feed.Decode(got[0])
	s.feedTime = rec.Time
	return err
}

// laneShift is where the lane begins in the number of a block.
const laneShift = 40

// highestLane is the highest lane of which anything is in the store, or was
// counted.
func (s *Space) highestLane(ctx context.Context, r kv.Reader) (uint64, error) {
	header, feed := s.keys.key(kindHeader), s.keys.key(kindFeed)
	block, err := s.last(ctx, r, header, kv.PrefixEnd(header), 0)
	if err != nil {
		return 0, err
	}
	lane, err := s.last(ctx, r, feed, kv.PrefixEnd(feed), 0)
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
	return max(block>>laneShift, lane, n), nil
}

// last is the number at a place behind the kind in the last key of a range; 0 if
// there is none.
func (s *Space) last(ctx context.Context, r kv.Reader, from, to []byte, at int) (uint64, error) {
	page, err := r.Scan(ctx, from, to, 1, true)
	if err != nil || len(page) == 0 {
		return 0, err
	}
	number := page[0].Key[len(s.keys)+1+at:]
	if len(number) < 8 {
		return 0, fmt.Errorf("%w: a key of %d bytes", kv.ErrCorrupt, len(page[0].Key))
	}
	return binary.BigEndian.Uint64(number), nil
}

// lanesKey counts the lanes of a shared store.
func (s *Space) lanesKey() []byte { return s.keys.key(kindCounters, []byte("lanes")) }

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
		n := uint64(0)
		if err == nil {
			n, err = s.highestLane(ctx, r)
		}
		r.Close()
		if err != nil {
			return err
		}
		var b kv.Batch
		b.Require(key, got[0])
		b.Put(key, binary.BigEndian.AppendUint64(nil, n+1))
		if err = s.store.Commit(ctx, &b); err == nil {
			s.lane = n + 1
			s.nextBlock = 1
			return nil
		}
		if !errors.Is(err, kv.ErrConflict) && !errors.Is(err, kv.ErrUnknown) || try > 50 {
			return err
		}
	}
}

func (s *Space) recoverCounters(ctx context.Context, r kv.Reader) error {
	total, err := s.readCounters(ctx, r)
	if err != nil {
		return err
	}
	s.stats.profiles.Store(total.profiles)
	s.stats.strands.Store(total.strands)
	own, err := r.Get(ctx, s.keys.number(kindCounters, s.lane))
	if err == nil && own[0] != nil {
		s.counters, err = decodeCounters(own[0])
	}
	return err
}

// readCounters adds up what all lanes counted.
func (s *Space) readCounters(ctx context.Context, r kv.Reader) (countersRecord, error) {
	var total countersRecord
	from := s.keys.key(kindCounters)
	end := kv.PrefixEnd(from)
	for {
		page, err := r.Scan(ctx, from, end, scanPage, false)
		if err != nil {
			return total, err
		}
		for _, e := range page {
			if len(e.Key) != len(s.keys)+1+8 {
				continue
			}
			c, err := decodeCounters(e.Value)
			if err != nil {
				return total, err
			}
			total.add(c)
		}
		if len(page) < scanPage {
			return total, nil
		}
		from = kv.After(page[len(page)-1].Key)
	}
}

func (c *countersRecord) add(d countersRecord) {
	c.profiles += d.profiles
	c.strands += d.strands
	c.events += d.events
	c.unresolved += d.unresolved
}

func (s *Space) recoverTypes(ctx context.Context, r kv.Reader) error {
	from := s.keys.key(kindNewType)
	page, err := r.Scan(ctx, from, kv.PrefixEnd(from), maxNewTypes, false)
	for _, e := range page {
		s.types[string(e.Key[len(from):])] = true
	}
	return err
}

// recoverRepeats fills the memory of recent messages from the blocks that are
// younger than what it has in the store.
func (s *Space) recoverRepeats(ctx context.Context, r kv.Reader) error {
	if !s.store.Exclusive() {
		s.repeats = newSharedRepeats(s.cfg.DedupeWindow)
		return nil
	}
	rec, err := openRecent(ctx, s.store, recentKeys{prefix: s.keys.key(kindRecent)}, s.cfg.DedupeBytes, s.cfg.DedupeWindow, s.log)
	if err != nil {
		return err
	}
	s.repeats = &localRepeats{rec, int64(s.cfg.DedupeWindow)}
	from := kv.After(s.keys.number(kindHeader, rec.sealedBlock()))
	end := kv.PrefixEnd(s.keys.key(kindHeader))
	for {
		page, err := r.Scan(ctx, from, end, 64, false)
		if err != nil {
			return err
		}
		for _, e := range page {
			block := binary.BigEndian.Uint64(e.Key[len(e.Key)-8:])
			heads, err := decodeHeader(e.Value)
			if err != nil {
				return fmt.Errorf("block %d: %w", block, err)
			}
			for i := range heads {
				if h := &heads[i]; h.Type != 0 {
					rec.add(h.MessageHash, block, h.arrival())
				}
			}
		}
		if len(page) < 64 {
			return nil
		}
		from = kv.After(page[len(page)-1].Key)
	}
}
