package space

import (
	"context"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// ParseStrand reads a strand's hash as it is written: 32 hexadecimal digits. What is none
// is ErrInvalid.
func ParseStrand(text string) (identity.Hash, error) {
	h, ok := codec.ParseStrand(text)
	if !ok {
		return h, fmt.Errorf("%w: %q is no strand; it is written as 32 hexadecimal digits", ErrInvalid, text)
	}
	return h, nil
}

// MostOverrides bounds the overrides of a space; people make them, one by one.
const MostOverrides = 100_000

// loadOverrides makes the overrides of a snapshot, whose rules record has a
// revision, the ones at work.
func (s *Space) loadOverrides(ctx context.Context, r kv.Reader, revision uint64) error {
	if s.overrides.Load().Revision == revision {
		return nil
	}
	all, err := tx.ReadOverrides(ctx, r, s.keys)
	if err != nil {
		return err
	}
	s.overrides.Store(tx.NewOverrideSet(s.hasher, revision, all))
	return nil
}

// OverridePage is a page of overrides; Next is "" on the last.
type OverridePage struct {
	Overrides []codec.Override
	Revision  uint64 // moves with every change of an override
	Next      string
}

// Overrides lists the overrides at work, the newest first, limit of them (1 to
// 1000).
func (s *Space) Overrides(ctx context.Context, limit int, next string) (OverridePage, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return OverridePage{}, err
	}
	defer r.Close()
	rec, _, err := s.storedRules(ctx, r)
	if err != nil {
		return OverridePage{}, err
	}
	page := OverridePage{Revision: rec.Overrides}
	from, end := codec.Overrides.All(s.keys)
	if next != "" {
		end = codec.Overrides.Key(s.keys, next)
	}
	entries, err := r.Scan(ctx, from, end, limit+1, true)
	if err != nil {
		return OverridePage{}, err
	}
	for i, e := range entries {
		if i == limit {
			page.Next = page.Overrides[limit-1].ID
			break
		}
		o, err := codec.DecodeOverride(e.Value)
		if err != nil {
			return OverridePage{}, err
		}
		o.NotAtWork = s.notAtWork(&o)
		page.Overrides = append(page.Overrides, o)
	}
	return page, nil
}

// Override reads one override and the revision of all. ErrNotFound if there is
// none of that ID.
func (s *Space) Override(ctx context.Context, id string) (codec.Override, uint64, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return codec.Override{}, 0, err
	}
	defer r.Close()
	rec, _, err := s.storedRules(ctx, r)
	if err != nil {
		return codec.Override{}, 0, err
	}
	got, err := r.Get(ctx, codec.Overrides.Key(s.keys, id))
	if err != nil {
		return codec.Override{}, 0, err
	}
	if got[0] == nil {
		return codec.Override{}, 0, fmt.Errorf("override %q: %w", id, ErrNotFound)
	}
	o, err := codec.DecodeOverride(got[0])
	if err == nil {
		o.NotAtWork = s.notAtWork(&o)
	}
	return o, rec.Overrides, err
}

// storedRules reads the record of the rules of a snapshot.
func (s *Space) storedRules(ctx context.Context, r kv.Reader) (rulesRecord, []byte, error) {
	got, err := r.Get(ctx, codec.Rules.Key(s.keys))
	if err != nil {
		return rulesRecord{}, nil, err
	}
	rec, err := decodeRules(got[0])
	return rec, got[0], err
}

// notAtWork says why an override does not hold, see Override.
func (s *Space) notAtWork(o *codec.Override) string {
	if o.Kind != codec.Same {
		return ""
	}
	p := o.Pair(s.hasher)
	rs := s.rules.Load()
	for _, l := range s.overrides.Load().Identity.NotAtWork(rs, p.A.Hash) {
		if l.Pair == p {
			return l.Reason.String()
		}
	}
	return ""
}
