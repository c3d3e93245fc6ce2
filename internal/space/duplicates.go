package space

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/space/dedupe"
)

// repeats knows which messageIds were seen within the dedupe window.
type repeats interface {
	// known says for each event whether its messageId was seen, and with it.
	known(ctx context.Context, d *View, events []*prepared, now int64) ([]dedupe.Seen, error)
	// stage adds to the batch what other nodes must know.
	stage(c *commit)
	// committed is told when the commit has happened.
	committed(c *commit)
}

// dropDuplicates says for each event of the deliveries, in their order, whether its
// messageId was seen, and with it; what is not unseen is left out of the commit:
// repeats, what has a messageId that another event had, and what is left for another
// commit.
func (s *Space) dropDuplicates(ctx context.Context, c *commit, ws []*ingestRequest, now time.Time) ([]dedupe.Seen, error) {
	n := 0
	for _, w := range ws {
		n += len(w.events)
	}
	events := make([]*prepared, 0, n)
	for _, w := range ws {
		for i := range w.events {
			events = append(events, &w.events[i])
		}
	}
	found, err := s.dedupe.known(ctx, &c.View, events, now.UnixNano())
	if err != nil {
		return nil, err
	}
	here := make(map[uint64]*prepared, n) // the first of this commit
	for i, e := range events {
		if e.deferred {
			found[i] = dedupe.Repeated
			continue
		}
		found[i] = max(found[i], e.known) // what is in the store, however old
		if found[i] != dedupe.Unseen {
			continue
		}
		if first := here[e.hash]; first == nil {
			here[e.hash] = e
		} else if first.id == e.id {
			found[i] = dedupe.Repeated
			if first.Fingerprint() != e.Fingerprint() {
				found[i] = dedupe.UsedBefore
			}
		}
	}
	return found, nil
}
