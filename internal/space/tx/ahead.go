package tx

import (
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// LookAhead reads the records of IDs and of the profiles that own them for later,
// in two round trips.
func (view *View) LookAhead(nodes []identity.Hash) error {
	values, err := view.Ahead(nodes)
	if err != nil {
		return err
	}
	var owners [][]byte
	for _, v := range values {
		if v == nil {
			continue
		}
		n, err := codec.DecodeIdentifier(v)
		if err != nil {
			return err
		}
		if !n.Owner.IsZero() {
			owners = append(owners, codec.Profiles.Key(view.keys, n.Owner))
		}
	}
	_, err = view.aheadOf(owners)
	return err
}

// Ahead reads records of IDs for later, and returns them as they are stored.
func (v *View) Ahead(hashes []identity.Hash) ([][]byte, error) {
	keys := make([][]byte, len(hashes))
	for i, h := range hashes {
		keys[i] = codec.Identifiers.Key(v.keys, h)
	}
	return v.aheadOf(keys)
}

func (v *View) aheadOf(keys [][]byte) ([][]byte, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	values, err := v.Look(keys)
	if err != nil {
		return nil, err
	}
	for i, k := range keys {
		v.Remember(k, values[i])
	}
	return values, nil
}
