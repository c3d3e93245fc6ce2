package computed

import (
	"fmt"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Told is what was told of the profiles of one snapshot, as of the evaluator's position
// in it: for whoever reads very many of them. It may be used by many goroutines at once.
type Told struct {
	compiled *Compiled // nil: there are no definitions
	position *position
}

// ToldIn opens what was told in the snapshot of a view.
func ToldIn(s *space.Space, v *space.View) (*Told, error) {
	defs, err := s.DefinitionsAt(v.Context(), v.Reader())
	if err != nil {
		return nil, err
	}
	pos, err := readPosition(v.Context(), v.Reader(), v.Keys())
	if err != nil {
		return nil, err
	}
	return &Told{compiledOf(defs), pos}, nil
}

// AsOf is the time up to which what was stored is counted, in nanoseconds since 1970; 0 if
// nothing was evaluated yet.
func (t *Told) AsOf() int64 { return t.position.Time }

// shown reports whether values of a definition are told: it is complete.
func (t *Told) shown(d *definition) bool {
	return d != nil && !d.disabled && t.position.Complete[d.number] == d.meaning
}

// Keys lists the computed traits, or the audiences, of a collection that are complete, by
// key.
func (t *Told) Keys(c identity.Collection, audiences bool) []string {
	var keys []string
	if t.compiled == nil {
		return nil
	}
	for _, key := range t.compiled.keys() {
		if d := t.compiled.byKey[key]; t.shown(d) && d.audience == audiences && d.collection == c {
			keys = append(keys, key)
		}
	}
	return keys
}

// Audience is the number of an audience of a collection. Errors: space.ErrNotFound if there is none of that
// key, space.ErrInvalid if it is not complete.
func (t *Told) Audience(c identity.Collection, key string) (uint32, error) {
	if t.compiled == nil || t.compiled.byKey[key] == nil || !t.compiled.byKey[key].audience || t.compiled.byKey[key].collection != c {
		return 0, fmt.Errorf("the audience %q of %s: %w", key, c, space.ErrNotFound)
	}
	d := t.compiled.byKey[key]
	if !t.shown(d) {
		return 0, fmt.Errorf("%w: the audience %s is not computed over all of history yet; see: selfsame audiences", space.ErrInvalid, key)
	}
	return d.number, nil
}

// Size is how many profiles are in an audience.
func (t *Told) Size(audience uint32) int64 { return t.position.Sizes[audience] }

// States reads what was told of profiles, in their order.
func (t *Told) States(v *space.View, profiles []codec.ProfileID) ([]State, error) {
	states := make([]State, len(profiles))
	if t.compiled == nil || len(profiles) == 0 {
		return states, nil
	}
	keys := make([][]byte, len(profiles))
	for i, p := range profiles {
		keys[i] = codec.States.Key(v.Keys(), p)
	}
	values, err := v.Reader().Get(v.Context(), keys...)
	if err != nil {
		return nil, err
	}
	for i, b := range values {
		if states[i], err = DecodeState(b); err != nil {
			return nil, fmt.Errorf("the state of a profile: %w", err)
		}
	}
	return states, nil
}

// Each calls f with the values of a state whose definitions are complete, by number:
// those of computed traits, and, with an empty one, the audiences that the profile is in.
func (t *Told) Each(s *State, f func(key string, audience bool, v Value)) {
	if t.compiled == nil {
		return
	}
	for _, v := range s.Values {
		if d := t.compiled.byNumber[v.Definition]; t.shown(d) {
			f(d.key, d.audience, v)
		}
	}
}

// In reports whether a state has an audience, and since when.
func (s *State) In(audience uint32) (since int64, in bool) {
	v, in := s.get(audience)
	return v.Since, in
}
