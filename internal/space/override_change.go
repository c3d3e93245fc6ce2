package space

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
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
		d, err := s.try(ctx, change{detached: true}, func(d *Tx) error {
			ch, err := decide(d)
			if err == nil {
				rec, stored, err = s.stageOverride(ctx, d, &ch)
			}
			return err
		})
		if err != nil {
			return err
		}
		d.overrides.revision = rec.Overrides
		s.overrides.Store(d.overrides)
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
	if rec, _, err = s.storedRules(ctx, d.r); err != nil {
		return rec, nil, err
	}
	cause := "override: " + ch.Override.ID
	if ch.Removed {
		cause = "override taken back: " + ch.Override.ID
	}
	rec.Overrides++
	if ch.Background {
		rec.Applying, rec.Cause = true, cause
		if d.read != nil {
			d.read = map[string][]byte{} // who adds to such an ID need not wait
		}
	}
	if stored, err = json.Marshal(rec); err != nil {
		return rec, nil, err
	}
	b := &d.batch
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
	if err := s.putAudit(b, audit.New(ctx, d.now.UnixNano(), action, ch.Override.ID, ch.Override.Detail())); err != nil {
		return rec, nil, err
	}
	d.putSeeds(b)
	d.setCause(cause)
	return rec, stored, nil
}

// Draft opens a transaction by the rules and overrides of its snapshot that is never
// committed: it shows what a change would make of the space. Whoever opens it closes
// it.
func (s *Space) Draft(ctx context.Context) (*Tx, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	d, err := s.draft(ctx, r)
	if err != nil {
		r.Close()
	}
	return d, err
}

func (s *Space) draft(ctx context.Context, r kv.Reader) (*Tx, error) {
	rec, _, err := s.storedRules(ctx, r)
	if err != nil {
		return nil, err
	}
	rs, err := identity.Compile(rec.Rules)
	if err != nil {
		return nil, fmt.Errorf("the stored rules: %w", err)
	}
	all, err := readOverrides(ctx, r, s.keys)
	if err != nil {
		return nil, err
	}
	d := s.newTx(ctx, r, rs, s.cfg.Now())
	d.stale = rec.Applying
	d.goBy(newOverrideSet(s.hasher, rec.Overrides, all))
	return d, nil
}

// goBy makes overrides those that the view goes by.
func (d *View) goBy(set *overrideSet) { d.overrides, d.engine.Overrides = set, set.identity }

// SetOverrides makes overrides those that the transaction goes by, and that are at
// work when it is committed, see ChangeOverrides.
func (d *Tx) SetOverrides(all []codec.Override) {
	d.goBy(newOverrideSet(d.hasher, d.overrides.revision, all))
}

// OverrideRevision moves with every change of an override.
func (d *View) OverrideRevision() uint64 { return d.overrides.revision }

// Before is a view of the transaction's snapshot, without what it has changed. It is
// closed with the transaction.
func (d *Tx) Before() *View {
	v := &View{
		ctx: d.ctx, keys: d.keys, hasher: d.hasher, rules: d.rules, engine: d.engine, overrides: d.overrides,
		r: d.r, now: d.now, stale: d.stale, rulesSince: d.rulesSince, touchBound: d.touchBound,
	}
	v.makeRoom()
	return v
}

// Regroup makes strands and profiles what a decision says that no event made.
func (d *Tx) Regroup(c *identity.Change) error {
	if err := d.prune(c); err != nil {
		return err
	}
	return d.apply(c, d.noEvent())
}

// Changed lists the profiles that the transaction has changed, in any order.
func (d *Tx) Changed() iter.Seq2[codec.ProfileID, *codec.Profile] {
	return func(yield func(codec.ProfileID, *codec.Profile) bool) {
		for p := range d.changedProfiles {
			if !yield(p, d.profiles[p]) {
				return
			}
		}
	}
}
