package computed

import (
	"context"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// ToldTraits reads, in a snapshot of a space, the values of computed traits that were told
// of profiles, in their order: those of definitions that are complete, by name.
func ToldTraits(ctx context.Context, s *space.Space, r kv.Reader, profiles []codec.ProfileID) ([][]profile.Trait, error) {
	out := make([][]profile.Trait, len(profiles))
	defs, err := s.DefinitionsAt(ctx, r)
	if err != nil {
		return nil, err
	}
	compiled := compiledOf(defs)
	if compiled == nil {
		return out, nil
	}
	keys := make([][]byte, len(profiles))
	for i, p := range profiles {
		keys[i] = codec.States.Key(s.Keys(), p)
	}
	values, err := r.Get(ctx, keys...)
	if err != nil {
		return nil, err
	}
	pos, err := readPosition(ctx, r, s.Keys())
	if err != nil {
		return nil, err
	}
	told := &Told{compiled, pos}
	for i, b := range values {
		state, err := DecodeState(b)
		if err != nil {
			return nil, fmt.Errorf("the state of a profile: %w", err)
		}
		told.Each(&state, func(key string, audience bool, v Value) {
			if !audience {
				out[i] = append(out[i], profile.Trait{Name: key, Value: v.JSON})
			}
		})
	}
	return out, nil
}
