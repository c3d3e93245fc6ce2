package deliver

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Figures are the numbers of one destination. They name nobody.
type Figures struct {
	Key    string
	Type   string
	Queued int64 // messages that wait
	// Oldest is when the oldest of them was made, ns since 1970; 0: none waits.
	Oldest  int64
	Stopped bool // by its answers
	Counts  Counts
}

// DestinationFigures gives the figures of all destinations, by their keys. It costs a few
// look-ups for each, whatever waits.
func (s *Dispatcher) DestinationFigures(ctx context.Context) ([]Figures, error) {
	all := s.all()
	if len(all) == 0 {
		return nil, nil
	}
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	keys := make([][]byte, len(all))
	queues := make([]kv.Range, len(all))
	for i, d := range all {
		keys[i] = codec.DestinationStates.Key(s.keys, d.number)
		from, to := codec.Under(codec.DeliveryQueue.Of(s.keys, d.number))
		queues[i] = kv.Range{From: from, To: to}
	}
	states, err := r.Get(ctx, keys...)
	if err != nil {
		return nil, err
	}
	oldest, err := r.Scans(ctx, queues, 1, false)
	if err != nil {
		return nil, err
	}
	out := make([]Figures, 0, len(all))
	for i, d := range all {
		if states[i] == nil {
			continue // another process has just removed it
		}
		var st state
		if err := json.Unmarshal(states[i], &st); err != nil {
			return nil, fmt.Errorf("%w: the state of the destination %s", kv.ErrCorrupt, d.def.Key)
		}
		f := Figures{Key: d.def.Key, Type: d.def.Type, Queued: st.Queued, Stopped: d.stoppedBy(&st) != nil, Counts: st.Counts}
		for _, row := range oldest[i] {
			e, err := decodeEntry(0, row.Value)
			if err != nil {
				return nil, err
			}
			f.Oldest = e.Message.Queued
		}
		out = append(out, f)
	}
	return out, nil
}
