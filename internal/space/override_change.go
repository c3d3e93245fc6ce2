package space

import (
	"context"
	"encoding/json"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// OverrideChange is an override that is made or, with Removed, taken back.
type OverrideChange struct {
	Override codec.Override
	Removed  bool
	// Background says that so many strands are concerned that they are decided again
	// in the background, as when rules change, and not by this commit.
	Background bool
}

// ChangeOverrides changes the overrides in one commit and returns their new
// revision. decide makes the change in a transaction, whose overrides it sets (see
// Tx.SetOverrides); what it returns as an error ends it. It is called again when other
// nodes came in between. Who does it and why is in the context, see package audit.
func (s *Space) ChangeOverrides(ctx context.Context, decide func(*Tx) (OverrideChange, error)) (revision uint64, err error) {
	s.ruling.Lock()
	defer s.ruling.Unlock()
	s.writing.Lock()
	defer s.writing.Unlock()
	s.announceRules(ctx)
	err = s.Again(ctx, func() error {
		var rec rulesRecord
		var stored []byte
		c, err := s.try(ctx, change{detached: true}, func(c *commit) error {
			ch, err := decide(c.Tx)
			if err == nil {
				rec, stored, err = s.stageOverride(ctx, c.Tx, &ch)
			}
			return err
		})
		if err != nil {
			return err
		}
		set := *c.OverrideSet()
		set.Revision = rec.Overrides
		s.overrides.Store(&set)
		s.adopt(s.rules.Load(), rec, stored)
		revision = rec.Overrides
		return nil
	})
	return revision, err
}

// stageOverride puts an override and the rules' record, which counts overrides, into
// the transaction that made the change. It returns the record, as it is and as it is
// stored.
func (s *Space) stageOverride(ctx context.Context, d *Tx, ch *OverrideChange) (rec rulesRecord, stored []byte, err error) {
	if rec, _, err = s.storedRules(ctx, d.Reader()); err != nil {
		return rec, nil, err
	}
	cause := "override: " + ch.Override.ID
	if ch.Removed {
		cause = "override taken back: " + ch.Override.ID
	}
	rec.Overrides++
	if ch.Background {
		rec.Applying, rec.Cause = true, cause
		d.RelyOnNothing() // who adds to such an ID need not wait
	}
	if stored, err = json.Marshal(rec); err != nil {
		return rec, nil, err
	}
	b := &d.Batch
	key := codec.Overrides.Key(s.keys, ch.Override.ID)
	action := "override.add"
	if ch.Removed {
		action = "override.remove"
		b.Delete(key)
	} else {
		v, err := ch.Override.Encode()
		if err != nil {
			return rec, nil, err
		}
		b.Put(key, v)
	}
	b.Put(codec.Rules.Key(s.keys), stored)
	if err := s.putAudit(b, audit.New(ctx, d.Now().UnixNano(), action, ch.Override.ID, ch.Override.Detail())); err != nil {
		return rec, nil, err
	}
	d.PutDeferred()
	d.SetCause(cause)
	return rec, stored, nil
}
