package space

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"

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

// RulesPage is a page of the history of rules; Next is "" on the last.
type RulesPage struct {
	Versions []RulesVersion
	Next     string
}

// RulesHistory lists the versions of the rules, the newest first, limit of them
// (1 to 1000). Versions without a number of their own, the built-in rules, are
// not listed.
func (s *Space) RulesHistory(ctx context.Context, limit int, next string) (RulesPage, error) {
	var page RulesPage
	from, end := codec.RulesVersions.All(s.keys)
	if next != "" {
		n, err := strconv.ParseUint(next, 10, 64)
		if err != nil {
			return page, ErrBadCursor
		}
		end = codec.RulesVersions.Key(s.keys, n)
	}
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return page, err
	}
	defer r.Close()
	entries, err := r.Scan(ctx, from, end, limit+1, true)
	if err != nil {
		return page, err
	}
	for i, e := range entries {
		if i == limit {
			page.Next = strconv.FormatUint(binary.BigEndian.Uint64(entries[i-1].Key[len(e.Key)-8:]), 10)
			break
		}
		rec, err := decodeRules(e.Value)
		if err != nil {
			return page, err
		}
		page.Versions = append(page.Versions, *rec.public())
	}
	return page, nil
}

// RulesAt reads one version of the rules. ErrNotFound if there was none of that
// number.
func (s *Space) RulesAt(ctx context.Context, version uint64) (RulesVersion, error) {
	if now := s.version.Load(); now.Version == version {
		return *now, nil
	}
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return RulesVersion{}, err
	}
	defer r.Close()
	got, err := r.Get(ctx, codec.RulesVersions.Key(s.keys, version))
	if err != nil {
		return RulesVersion{}, err
	}
	if got[0] == nil && version == 0 {
		rec, err := decodeRules(nil) // the built-in rules, whatever was set since
		return *rec.public(), err
	}
	if got[0] == nil {
		return RulesVersion{}, fmt.Errorf("version %d of the rules: %w", version, ErrNotFound)
	}
	rec, err := decodeRules(got[0])
	return *rec.public(), err
}
