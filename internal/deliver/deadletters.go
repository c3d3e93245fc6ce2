package deliver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// deadLetter is a message that was not delivered, or that nobody knows of whether it
// was.
type deadLetter struct {
	entry
	Result Result `json:"result"`
	Why    string `json:"why"`
	At     int64  `json:"dead_at"` // ns since 1970
}

func (l *deadLetter) encode() ([]byte, error) { return json.Marshal(l) }

func decodeDeadLetter(seq uint64, b []byte) (*deadLetter, error) {
	l := &deadLetter{}
	if err := json.Unmarshal(b, l); err != nil {
		return nil, fmt.Errorf("%w: dead letter %d of a destination: %w", kv.ErrCorrupt, seq, err)
	}
	l.Seq = seq
	return l, nil
}

// sendAgain puts a dead letter back into the queue, with the ID that it had. Where
// something newer was said meanwhile it stays where it is. The caller holds mu.
func (w *work) sendAgain(seq uint64) error {
	key := codec.DeadLetters.Key(w.d.on.keys, w.d.number, seq)
	v, err := w.r.Get(w.ctx, key)
	if err != nil {
		return err
	}
	if v[0] == nil {
		return fmt.Errorf("%w: there is no dead letter %d", ErrNotFound, seq)
	}
	l, err := decodeDeadLetter(seq, v[0])
	if err != nil {
		return err
	}
	m := l.Message
	if m.IsValue() {
		collection := collectionOf(m.Profile)
		told, err := w.told(collection, m.Identifier)
		if err != nil {
			return err
		}
		if now := told[m.Identifier][l.Name]; !bytes.Equal(now.Value, m.Value) {
			return fmt.Errorf("%w: %s was told something newer of %s since", ErrSuperseded, w.d.def.Key, m.Key)
		}
	}
	id := m.ID
	m.NotBefore = 0
	e, err := w.append(m, l.Name)
	if err != nil {
		return err
	}
	e.Message.ID = id
	e.Before = l.Before
	if m.IsValue() {
		w.put(row{w.d.hashOf(collectionOf(m.Profile), m.Identifier), l.Name}, said{Value: m.Value, Pending: e.Seq})
	}
	w.b.Delete(key)
	w.st.Dead--
	return nil
}

// SendAgain puts dead letters of a destination back into its queue, with the IDs that
// they had. It reports how many. ErrNotFound; ErrSuperseded: something newer was said
// since.
func (s *Dispatcher) SendAgain(ctx context.Context, key string, seqs ...uint64) (int, error) {
	seqs = slices.Compact(slices.Sorted(slices.Values(seqs)))
	d, err := s.find(key)
	if err != nil {
		return 0, err
	}
	err = d.change(ctx, func(w *work) error {
		for _, seq := range seqs {
			if err := w.sendAgain(seq); err != nil {
				return err
			}
		}
		return s.record(ctx, &w.b, "destination.resend", key, lettersOf(seqs))
	})
	if err != nil {
		return 0, err
	}
	d.wake()
	return len(seqs), nil
}

// DiscardLetters removes dead letters for good.
func (s *Dispatcher) DiscardLetters(ctx context.Context, key string, seqs ...uint64) error {
	seqs = slices.Compact(slices.Sorted(slices.Values(seqs)))
	d, err := s.find(key)
	if err != nil {
		return err
	}
	return d.change(ctx, func(w *work) error {
		keys := make([][]byte, len(seqs))
		for i, seq := range seqs {
			keys[i] = codec.DeadLetters.Key(s.keys, d.number, seq)
		}
		there, err := w.r.Get(ctx, keys...)
		if err != nil {
			return err
		}
		for i, key := range keys {
			if there[i] != nil {
				w.b.Delete(key)
				w.st.Dead--
			}
		}
		return s.record(ctx, &w.b, "destination.discard", key, lettersOf(seqs))
	})
}
