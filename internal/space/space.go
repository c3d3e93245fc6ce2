package space

import (
	"context"
	"errors"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
)

// Space is one identity graph at work. All methods may be called from many
// goroutines at once.
type Space struct{}

// Open opens the space cfg.ID in store, making it on first use.
func Open(ctx context.Context, store kv.Store, cfg Config) (*Space, error) {
	return nil, errors.ErrUnsupported
}

// Close finishes what was accepted and stops the space. It does not close the
// store.
func (s *Space) Close(ctx context.Context) error { return errors.ErrUnsupported }

// ID is the space's ID.
func (s *Space) ID() string { return "" }

// Ingest commits a delivery and returns when all of it is durable, resolved and
// readable.
func (s *Space) Ingest(ctx context.Context, d Delivery) (Receipt, error) {
	return Receipt{}, errors.ErrUnsupported
}

// Ruleset returns the compiled rules at work.
func (s *Space) Ruleset() *identity.Ruleset { return nil }

// Profile reads one profile.
func (s *Space) Profile(ctx context.Context, ref Ref) (View, error) {
	return View{}, errors.ErrUnsupported
}

// Events reads a page of a profile's events.
func (s *Space) Events(ctx context.Context, ref Ref, q EventQuery) (EventPage, error) {
	return EventPage{}, errors.ErrUnsupported
}

// CountEvents counts a profile's events, up to most.
func (s *Space) CountEvents(ctx context.Context, ref Ref, most int64) (int64, error) {
	return 0, errors.ErrUnsupported
}

// Links reads a page of the accounts of a user, or the users of an account.
func (s *Space) Links(ctx context.Context, ref Ref, limit int, next string) (LinkPage, error) {
	return LinkPage{}, errors.ErrUnsupported
}

// Rejects lists refused messages; Reject reads one; RejectCounts counts them.
func (s *Space) Rejects(ctx context.Context, q RejectQuery) (RejectPage, error) {
	return RejectPage{}, errors.ErrUnsupported
}

// Reject reads one refused message.
func (s *Space) Reject(ctx context.Context, id string) (Reject, error) {
	return Reject{}, errors.ErrUnsupported
}

// RejectCounts counts the kept rejects by source and code.
func (s *Space) RejectCounts(ctx context.Context) ([]RejectCount, error) {
	return nil, errors.ErrUnsupported
}

// Rules reads the rules at work.
func (s *Space) Rules(ctx context.Context) (RulesVersion, error) {
	return RulesVersion{}, errors.ErrUnsupported
}

// SetRules makes rules the rules at work and resolves again what is there.
func (s *Space) SetRules(ctx context.Context, r identity.Rules, by string) error {
	return errors.ErrUnsupported
}

// Feed reads up to limit change records after cursor ("" is the beginning) and
// the cursor after them.
func (s *Space) Feed(ctx context.Context, cursor string, limit int) ([]feed.Record, string, error) {
	return nil, "", errors.ErrUnsupported
}

// Mark reads the value that the last committed Mark of that name left.
func (s *Space) Mark(ctx context.Context, name string) ([]byte, error) {
	return nil, errors.ErrUnsupported
}

// Stats returns counters and gauges.
func (s *Space) Stats() Stats { return Stats{} }

// Verify resolves and folds everything again by the batch function and reports
// every difference from what is stored.
func (s *Space) Verify(ctx context.Context, progress Progress) (VerifyReport, error) {
	return VerifyReport{}, errors.ErrUnsupported
}
