package rejects

import (
	"fmt"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// The body of a reject is kept whole: a byte that says how, then the body as it
// was sent, or packed like the bodies of a block. An empty one has no byte.
const (
	rejectPlain  = 1
	rejectPacked = 2

	// rejectPackBytes is how large a body is to be packed.
	rejectPackBytes = 512
	// rejectMostBytes is how much of a body is kept; requests have less.
	rejectMostBytes = journal.MaxUnpacked - 64
)

// PackAhead packs the body of a reject where that takes a while, ahead of the commit. It
// may be called from many goroutines at once.
func (k *Keeper) PackAhead(r *Reject) {
	if r.packed == nil && len(r.Body) >= rejectPackBytes {
		r.packed = k.pack(r.Body)
	}
}

// pack makes what is stored of a refused body.
func (k *Keeper) pack(body []byte) []byte {
	switch {
	case len(body) == 0:
		return []byte{}
	case len(body) < rejectPackBytes:
		return append([]byte{rejectPlain}, body...)
	}
	body = body[:min(len(body), rejectMostBytes)]
	return k.cfg.Packer.Pack([]byte{rejectPacked}, [][]byte{body})
}

// unpack gives back what pack was given. Errors wrap kv.ErrCorrupt or
// codec.ErrTooNew.
func unpack(b []byte) ([]byte, error) {
	switch {
	case len(b) == 0:
		return []byte{}, nil
	case b[0] == rejectPlain:
		return append([]byte{}, b[1:]...), nil
	case b[0] != rejectPacked:
		return nil, fmt.Errorf("%w: the body of a refused message is of kind %d", codec.ErrTooNew, b[0])
	}
	bodies, err := journal.UnpackBodies(b[1:])
	if err == nil && len(bodies) != 1 {
		err = fmt.Errorf("%w: a refused message has %d bodies", kv.ErrCorrupt, len(bodies))
	}
	if err != nil {
		return nil, err
	}
	return bodies[0], nil
}
