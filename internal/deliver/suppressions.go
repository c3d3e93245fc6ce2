package deliver

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Suppression says why no mail of this space goes to an address. ErrNotFound: mails go
// there. The list is kept by a hash of the address, so it can be asked about one address
// and not be listed.
func (s *Dispatcher) Suppression(ctx context.Context, address string) (*Suppression, error) {
	out, err := s.suppressed(ctx, s.addressHash(address))
	if err == nil && out == nil {
		return nil, ErrNotFound
	}
	return out, err
}

// Suppress lets no mail of this space go to an address any more, as if it had
// unsubscribed.
func (s *Dispatcher) Suppress(ctx context.Context, address string) error {
	return s.suppress(ctx, s.addressHash(address), Suppression{Reason: Unsubscribed, At: s.now().UnixNano()})
}

// Unsuppress lets mails go to an address again: its owner wants them, or has a mailbox
// again.
func (s *Dispatcher) Unsuppress(ctx context.Context, address string) error {
	var b kv.Batch
	b.Delete(codec.Suppressed.Key(s.keys, s.addressHash(address)))
	return s.store.Commit(ctx, &b)
}
