package space

import (
	"encoding/json"

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
