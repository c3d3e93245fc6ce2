package tx

import (
	"fmt"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Ref names a profile: by an external ID, or by a profile's own ID
// (Type "segment_id" or "", Value use_… or acc_…), also one merged away.
//
// With AsOf, in nanoseconds since 1970, it names the profile as its events up to
// and including that time make it, under the rules and overrides of now; 0 and
// the future are now. Look, Profile, Events, CountEvents and Story take it.
type Ref struct {
	Collection  identity.Collection
	Type, Value string
	AsOf        int64
}

// Resolve finds the ID of the profile that ref names.
func (v *View) Resolve(ref Ref) (codec.ProfileID, error) {
	if ref.ByProfileID() {
		p, c, ok := codec.ParseProfileID(ref.Value)
		if !ok || c != ref.Collection {
			return codec.ProfileID{}, ErrNotFound
		}
		if err := v.LoadProfiles(p); err != nil {
			return codec.ProfileID{}, err
		}
		if rec := v.profiles[p]; rec == nil {
			return codec.ProfileID{}, ErrNotFound
		} else if !rec.Merged {
			return p, nil
		}
		return v.canonicalProfile(p)
	}
	h := v.hasher.ID(ref.Collection, ref.ExternalID())
	if v.engine.Overrides.Isolated(h) {
		return codec.ProfileID{}, ErrNotFound // although its strands may wait to be decided again
	}
	if err := v.LoadIdentifiers(h); err != nil {
		return codec.ProfileID{}, err
	}
	n := v.nodes[h]
	if n == nil || n.Owner.IsZero() {
		return codec.ProfileID{}, ErrNotFound
	}
	return n.Owner, nil
}

// ByProfileID reports whether a ref names a profile by its own ID.
func (ref Ref) ByProfileID() bool { return ref.Type == "" || ref.Type == "segment_id" }

// ExternalID is the external ID that a ref names, as events are matched.
func (ref Ref) ExternalID() identity.ID {
	return identity.ID{Type: ref.Type, Value: identity.Normal(ref.Type, ref.Value)}
}

// UnknownError says that no event of the space had an ID, or that there never was
// a profile of an ID. It is an ErrNotFound.
type UnknownError struct{ Ref Ref }

func (e *UnknownError) Error() string {
	if e.Ref.ByProfileID() {
		return fmt.Sprintf("no profile of this space ever had the ID %s", e.Ref.Value)
	}
	return fmt.Sprintf("no event of this space has the ID %s:%s among its %s", e.Ref.Type, e.Ref.Value, e.Ref.Collection)
}

func (e *UnknownError) Unwrap() error { return ErrNotFound }
