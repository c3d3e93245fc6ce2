package space

import (
	"context"
	"encoding/json"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// public is the record as callers see it.
func (rec *rulesRecord) public() *RulesVersion {
	return &RulesVersion{
		Version: rec.Version, Rules: rec.Rules, SetAt: rec.SetAt,
		SetBy: rec.SetBy, SetFor: rec.SetFor, Why: rec.Why, Applying: rec.Applying,
	}
}

// keepVersion adds a version of the rules to the history.
func (s *Space) keepVersion(b *kv.Batch, rec rulesRecord) error {
	rec.Applying, rec.Cause, rec.Overrides, rec.Definitions, rec.Rekey, rec.Reorder = false, "", 0, 0, 0, false
	v, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	b.Put(codec.RulesVersions.Key(s.keys, rec.Version), v)
	return nil
}

// DecodeRulesVersion reads a version of the rules as it is stored; nil is the built-in
// rules.
func DecodeRulesVersion(b []byte) (RulesVersion, error) {
	rec, err := decodeRules(b)
	return *rec.public(), err
}

// RulesVersion is the version of the rules that this node works by.
func (s *Space) RulesVersion() RulesVersion { return *s.version.Load() }

// ViewOfDraft opens a view of the space as it is now, by draft rules and by the
// overrides that are stored in the same snapshot. It returns the rules that are stored
// there as well. Whoever opens a view closes it.
func (s *Space) ViewOfDraft(ctx context.Context, draft *identity.Ruleset) (_ *View, was identity.Rules, err error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return nil, was, err
	}
	rec, _, err := s.storedRules(ctx, r)
	var all []codec.Override
	if err == nil {
		all, err = readOverrides(ctx, r, s.keys)
	}
	if err != nil {
		r.Close()
		return nil, was, err
	}
	v := s.newViewBy(ctx, r, draft)
	v.overrides = newOverrideSet(s.hasher, rec.Overrides, all)
	v.engine.Overrides = v.overrides.identity
	return v, rec.Rules, nil
}
