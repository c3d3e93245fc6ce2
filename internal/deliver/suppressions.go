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
	hash := s.addressHash(address)
	return s.suppress(ctx, hash, Suppression{Reason: Unsubscribed, At: s.now().UnixNano()}, func(b *kv.Batch) error {
		return s.record(ctx, b, "suppression.add", addressSubject(hash), nil)
	})
}

// Unsuppress lets mails go to an address again: its owner wants them, or has a mailbox
// again.
func (s *Dispatcher) Unsuppress(ctx context.Context, address string) error {
	var b kv.Batch
	hash := s.addressHash(address)
	b.Delete(codec.Suppressed.Key(s.keys, hash))
	if err := s.record(ctx, &b, "suppression.remove", addressSubject(hash), nil); err != nil {
		return err
	}
	return s.store.Commit(ctx, &b)
}
