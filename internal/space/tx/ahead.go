package tx

import (
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// LookAhead reads the records of IDs and of the profiles that own them for later,
// in two round trips.
func (d *View) LookAhead(nodes []identity.Hash) error {
	values, err := d.Ahead(nodes)
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
			owners = append(owners, codec.Profiles.Key(d.keys, n.Owner))
		}
	}
	_, err = d.aheadOf(owners)
	return err
}

// Ahead reads records of IDs for later, and returns them as they are stored.
func (d *View) Ahead(hashes []identity.Hash) ([][]byte, error) {
	keys := make([][]byte, len(hashes))
	for i, h := range hashes {
		keys[i] = codec.Identifiers.Key(d.keys, h)
	}
	return d.aheadOf(keys)
}

func (d *View) aheadOf(keys [][]byte) ([][]byte, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	values, err := d.Look(keys)
	if err != nil {
		return nil, err
	}
	for i, k := range keys {
		d.Remember(k, values[i])
	}
	return values, nil
}
