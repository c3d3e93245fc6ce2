package overrides

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// override makes the override that is asked for.
func (w *undoing) override(ctx context.Context, all []codec.Override) (codec.Override, error) {
	u := &w.undo
	who := audit.New(ctx, w.now, "", "", nil)
	o := codec.Override{
		ID: codec.NewOverrideID(w.now), Kind: u.Kind, Collection: u.Collection, IDs: slices.Clone(u.IDs), Strand: u.Strand,
		MessageID: u.MessageID, At: w.now, By: who.By, For: who.For, Why: who.Why,
	}
	if len(all) >= space.MostOverrides {
		return o, fmt.Errorf("%w: the space has %d overrides already, more than it can hold; remove some first", space.ErrInvalid, len(all))
	}
	switch u.Kind {
	case Split:
		parts, err := w.merged()
		for i := range all {
			if k := &all[i]; err != nil && k.MessageID == u.MessageID && u.MessageID != "" {
				return o, &MadeError{k.ID} // which is why the event merges nothing any more
			}
		}
		if err != nil {
			return o, err
		}
		o.Kind, o.Collection, o.IDs = codec.CannotLink, u.Collection, slices.Concat(parts...)
		for _, p := range parts {
			o.Parts = append(o.Parts, len(p))
		}
	case codec.CannotLink:
		if len(o.IDs) < 2 {
			return o, fmt.Errorf("%w: cutting a link needs two or more IDs", space.ErrInvalid)
		}
	case codec.Isolate:
		if len(o.IDs) == 0 {
			return o, fmt.Errorf("%w: say which ID is to be taken off its profile", space.ErrInvalid)
		}
		if err := w.owned(); err != nil {
			return o, err
		}
	case codec.Drop:
		if len(o.IDs) != 1 {
			return o, fmt.Errorf("%w: cutting an ID from a strand needs exactly one ID", space.ErrInvalid)
		}
	case codec.Same:
		if err := w.joinable(&o); err != nil {
			return o, err
		}
	default:
		return o, fmt.Errorf("%w: the kind %q is not one of %s, %s, %s, %s and %s", space.ErrInvalid, u.Kind, codec.Same, codec.CannotLink, codec.Isolate, codec.Drop, Split)
	}
	if len(o.IDs) > mostUndoIDs && o.Parts == nil {
		return o, fmt.Errorf("%w: %d IDs are too many for one override; %d at most", space.ErrInvalid, len(o.IDs), mostUndoIDs)
	}
	if o.Parts == nil {
		slices.SortFunc(o.IDs, identity.ID.Compare)
	}
	for i, id := range o.IDs {
		if slices.Contains(o.IDs[:i], id) {
			return o, fmt.Errorf("%w: %s is named twice", space.ErrInvalid, id)
		}
	}
	for i := range all {
		k := &all[i]
		if k.Kind != o.Kind || k.Collection != o.Collection || k.Strand != o.Strand {
			continue
		}
		if k.Says(&o) {
			return o, &MadeError{k.ID}
		}
	}
	return o, w.known(&o)
}

// MadeError says that an override was made already. It is ErrExists.
type MadeError struct {
	Override string // the ID of the one that says it
}

func (e *MadeError) Error() string {
	return fmt.Sprintf("override %s says this already, so there is nothing to do", e.Override)
}

// Unwrap makes errors.Is(err, ErrExists) true.
func (e *MadeError) Unwrap() error { return space.ErrExists }

// owned complains about IDs that are not of the profile that was named.
func (w *undoing) owned() error {
	u, d := &w.undo, w.was
	if u.Profile.Value == "" {
		return nil
	}
	p, err := d.Resolve(u.Profile)
	if err != nil {
		return fmt.Errorf("profile %s: %w", u.Profile.Value, err)
	}
	for _, id := range u.IDs {
		h := d.Hasher().ID(u.Collection, id)
		if err := d.LoadIdentifiers(h); err != nil {
			return err
		}
		if n := d.Identifier(h); n == nil || n.Owner != p {
			return fmt.Errorf("%s: %w among the IDs of this profile", id, space.ErrNotFound)
		}
	}
	return keepsPerson(d, p, u.IDs)
}

// keepsPerson complains if a profile would be left without an ID, or without one
// of the types that stand for a person or an account.
func keepsPerson(d *space.View, p codec.ProfileID, without []identity.ID) error {
	if err := d.LoadProfiles(p); err != nil {
		return err
	}
	rec := d.Profile(p)
	if len(without) >= len(rec.IDs) {
		return fmt.Errorf("%w: the profile has no other identifier, so there would be nothing left of it", space.ErrInvalid)
	}
	for _, idType := range [...]string{"user_id", "group_id"} {
		left := 0
		for _, m := range rec.IDs {
			if m.IDType == idType {
				left++
			}
		}
		for _, id := range without {
			if id.Type == idType {
				if left--; left == 0 {
					return fmt.Errorf("%w: %s is the last %s of this profile, which it must keep", space.ErrInvalid, id, idType)
				}
			}
		}
	}
	return nil
}

// known complains about IDs and strands that the space has never seen.
func (w *undoing) known(o *codec.Override) error {
	d := w.was
	if o.Kind == codec.Same {
		return nil // what nobody has seen yet is bound when it comes
	}
	hashes := make([]identity.Hash, len(o.IDs))
	for i, id := range o.IDs {
		hashes[i] = d.Hasher().ID(o.Collection, id)
	}
	if err := d.LoadIdentifiers(hashes...); err != nil {
		return err
	}
	var unseen []string
	for i, id := range o.IDs {
		if d.Identifier(hashes[i]) == nil {
			unseen = append(unseen, id.String())
		}
	}
	if len(unseen) > 0 {
		return fmt.Errorf("%s: %w in this space; no event has shown it as an ID of %s", strings.Join(unseen, ", "), space.ErrNotFound, o.Collection)
	}
	if o.Kind != codec.Drop {
		return nil
	}
	if err := d.LoadStrands(o.Strand); err != nil {
		return err
	}
	st := d.Strand(o.Strand)
	if st == nil || st.Collection != o.Collection {
		return fmt.Errorf("strand %s: %w in this space", o.Strand, space.ErrNotFound)
	}
	if !slices.ContainsFunc(st.Links, func(l identity.Link) bool { return l.Hash == hashes[0] }) {
		return fmt.Errorf("%w: strand %s does not hold %s", space.ErrInvalid, o.Strand, o.IDs[0])
	}
	if top, ok := st.Top(d.Rules(), d.Overrides()); ok && top.Hash == hashes[0] {
		return fmt.Errorf("%w: %s is the ID that says where the events of this strand belong, so it cannot be cut from it; cut one of the others, or keep two IDs apart with %s", space.ErrInvalid, o.IDs[0], codec.CannotLink)
	}
	return nil
}
