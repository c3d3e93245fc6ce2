package space

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// ErrTooOld: the store was written by an older version of Selfsame, whose format
// this one does not read.
var ErrTooOld = errors.New("the store was written by an older version of Selfsame")

// CheckSchema refuses a store that another version of Selfsame wrote: ErrTooNew,
// ErrTooOld, or kv.ErrCorrupt if it cannot tell. A store that no space was opened
// in yet has no version and is good. Whoever reads a store without opening its
// spaces calls it first.
func CheckSchema(ctx context.Context, store kv.Store) error {
	r, err := store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	got, err := r.Get(ctx, codec.StoreSchema)
	if err != nil {
		return err
	}
	return checkSchema(got[0])
}

// checkSchema judges the stored version; nil: there is none yet.
func checkSchema(stored []byte) error {
	if stored == nil {
		return nil
	}
	v, n := binary.Uvarint(stored)
	switch {
	case n <= 0 || n != len(stored):
		return fmt.Errorf("%w: the version of its format cannot be read", kv.ErrCorrupt)
	case v > schemaVersion:
		return fmt.Errorf("%w: its format is %d, this version reads %d", codec.ErrTooNew, v, schemaVersion)
	case v < schemaVersion:
		return fmt.Errorf("%w: its format is %d, this version reads %d", ErrTooOld, v, schemaVersion)
	}
	return nil
}
