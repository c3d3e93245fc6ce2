package space

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Mark is a named value that is committed together with a delivery, so that an
// interrupted import knows exactly what was taken.
type Mark struct {
	Name  string
	Value []byte
}

// Mark reads the value that the last committed Mark of that name left; nil if
// there is none.
func (s *Space) Mark(ctx context.Context, name string) ([]byte, error) {
	v, err := s.View(ctx)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	got, err := v.Reader().Get(ctx, codec.Marks.Key(v.Keys(), name))
	if err != nil {
		return nil, err
	}
	return got[0], nil
}
