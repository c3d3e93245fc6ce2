package search

import (
	"context"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Told knows what was computed of profiles. The zero Told knows of nothing.
type Told struct {
	// Traits reads, in a snapshot, the computed traits that were told of profiles, in their
	// order.
	Traits func(ctx context.Context, r kv.Reader, profiles []codec.ProfileID) ([][]profile.Trait, error)
	// Revision is that of the definitions in force.
	Revision func() uint64
}

func (t Told) revision() uint64 {
	if t.Revision == nil {
		return 0
	}
	return t.Revision()
}

func (t Told) traits(ctx context.Context, r kv.Reader, profiles []codec.ProfileID) ([][]profile.Trait, error) {
	if t.Traits == nil || len(profiles) == 0 {
		return make([][]profile.Trait, len(profiles)), nil
	}
	return t.Traits(ctx, r, profiles)
}

// indexProfiles makes the index say of profiles what was told of them. One that is not
// there, or was merged away, has nothing.
func (w *writer) indexProfiles(ctx context.Context, profiles []codec.ProfileID) error {
	keys := make([][]byte, 0, 2*len(profiles))
	for _, p := range profiles {
		keys = append(keys, codec.Profiles.Key(w.x.keys, p), codec.SearchComputed.Key(w.x.keys, p))
	}
	values, err := w.r.Get(ctx, keys...)
	if err != nil {
		return err
	}
	traits, err := w.x.told.traits(ctx, w.r, profiles)
	if err != nil {
		return err
	}
	for i, p := range profiles {
		record, said := values[2*i], values[2*i+1]
		had, err := decodeListed(said)
		if err != nil {
			return err
		}
		next := listed{collection: had.collection}
		if record != nil {
			rec, err := codec.DecodeProfile(record)
			if err != nil {
				return err
			}
			if !rec.Merged {
				next = computedOf(rec.Collection, traits[i])
			}
		}
		w.put(entry{profile: p}, codec.SearchComputed.Key(w.x.keys, p), &had, &next, said)
	}
	return nil
}

// buildComputed takes the next profiles that have a key of a kind.
func (w *writer) buildComputed(ctx context.Context, kind codec.Key1[codec.ProfileID], p *pass) (done bool, err error) {
	from, end := kind.All(w.x.keys)
	if !p.Profile.IsZero() {
		from = kv.After(kind.Key(w.x.keys, p.Profile))
	}
	page, err := w.r.Scan(ctx, from, end, scanPage, false)
	if err != nil || len(page) == 0 {
		return true, err
	}
	ids := make([]codec.ProfileID, len(page))
	for i, e := range page {
		var ok bool
		if ids[i], ok = kind.Parse(e.Key); !ok {
			return false, fmt.Errorf("%w: a key of %x", kv.ErrCorrupt, e.Key)
		}
	}
	p.Profile = ids[len(ids)-1]
	return len(page) < scanPage, w.indexProfiles(ctx, ids)
}

// computed lists the values of the computed traits of a profile.
func (p *person) computed(traits []profile.Trait) {
	for i := range traits {
		for _, v := range appendComputed(nil, &traits[i]) {
			p.values = append(p.values, held{v, identity.Hash{}})
		}
	}
}
