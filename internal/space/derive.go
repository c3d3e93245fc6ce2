package space

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/lease"
)

// Derive commits what a room above the heart has derived from what is stored: f puts
// it into the transaction and tells of it. The fence is that of the lease that
// whoever derives it holds. Errors: ErrDefinitionsMoved if other definitions than
// these are in force (nil: whichever are); those of f; ErrBusy; those of the store.
func (s *Space) Derive(ctx context.Context, fence lease.Fence, definitions *Definitions, f func(*Tx) error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.update(ctx, change{fence: fence, definitions: definitions}, f)
}

// PutAudit adds an entry to the audit trail, in the commit of what it tells.
func (s *Space) PutAudit(b *kv.Batch, e audit.Entry) error { return s.putAudit(b, e) }

// HasHistory reports whether the space has records of a feed, or may have them because
// other nodes write its store as well.
func (s *Space) HasHistory() bool {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.feedSeq > 0 || !s.store.Exclusive()
}

// NoteWarnings says how many warnings are open, for Stats.
func (s *Space) NoteWarnings(open int64) { s.warnings.Store(open) }

// Now is the time by the clock of the space.
func (s *Space) Now() time.Time { return s.cfg.Now() }

// Crowded reports whether events wait for a commit now: work that is not urgent leaves
// them the processor.
func (s *Space) Crowded() bool { return s.queueBytes.Load() > 0 }

// Waiting is how many bytes of events wait for a commit now.
func (s *Space) Waiting() int64 { return s.queueBytes.Load() }

// Store is where the space lies.
func (s *Space) Store() kv.Store { return s.store }

// NewLease makes the lease of a duty in the space.
func (s *Space) NewLease(duty string) *lease.Lease {
	return lease.New(s.store, s.keys, duty, s.cfg.Now)
}

// OnCommit has f called after every commit of this node from now on, by the writer: it
// must return at once. What other nodes commit is not told.
func (s *Space) OnCommit(f func()) {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.committed = append(s.committed, f)
}
