package space

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// gaugePause is how old what a node says about work of other nodes may be.
const gaugePause = time.Second

// refreshGauges looks up what other nodes changed in a shared store: how many
// profiles and strands there are, how many replays wait, and the rules. The writer calls it,
// so none of its own commits is on its way meanwhile.
func (s *Space) refreshGauges(ctx context.Context) error {
	if time.Since(s.job.counted) < gaugePause {
		return nil
	}
	s.job.counted = time.Now()
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	// A node that takes no events would not hear of new rules, nor that they are
	// applied by now.
	if err := s.followRules(ctx, r); err != nil {
		return err
	}
	total, err := tx.ReadCounters(ctx, r, s.keys)
	if err != nil {
		return err
	}
	seeds, err := tx.ReadDeferred(ctx, r, s.keys, maxSeeds)
	if err != nil {
		return err
	}
	s.stats.profiles.Store(total.Profiles)
	s.stats.strands.Store(total.Strands)
	s.pending.Store(int64(len(seeds)))
	s.stats.counted.Store(s.job.counted.UnixNano())
	return nil
}
