package rules

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// RulesPage is a page of the history of rules; Next is "" on the last.
type RulesPage struct {
	Versions []space.RulesVersion
	Next     string
}

// RulesHistory lists the versions of the rules, the newest first, limit of them
// (1 to 1000). Versions without a number of their own, the built-in rules, are
// not listed.
func (q *Resolver) RulesHistory(ctx context.Context, limit int, next string) (RulesPage, error) {
	var page RulesPage
	v, err := q.space.View(ctx)
	if err != nil {
		return page, err
	}
	defer v.Close()
	from, end := codec.RulesVersions.All(v.Keys())
	if next != "" {
		n, err := strconv.ParseUint(next, 10, 64)
		if err != nil {
			return page, space.ErrBadCursor
		}
		end = codec.RulesVersions.Key(v.Keys(), n)
	}
	entries, err := v.Reader().Scan(ctx, from, end, limit+1, true)
	if err != nil {
		return page, err
	}
	for i, e := range entries {
		if i == limit {
			page.Next = strconv.FormatUint(binary.BigEndian.Uint64(entries[i-1].Key[len(e.Key)-8:]), 10)
			break
		}
		version, err := space.DecodeRulesVersion(e.Value)
		if err != nil {
			return page, err
		}
		page.Versions = append(page.Versions, version)
	}
	return page, nil
}

// RulesAt reads one version of the rules. ErrNotFound if there was none of that
// number.
func (q *Resolver) RulesAt(ctx context.Context, version uint64) (space.RulesVersion, error) {
	if now := q.space.RulesVersion(); now.Version == version {
		return now, nil
	}
	v, err := q.space.View(ctx)
	if err != nil {
		return space.RulesVersion{}, err
	}
	defer v.Close()
	got, err := v.Reader().Get(ctx, codec.RulesVersions.Key(v.Keys(), version))
	if err != nil {
		return space.RulesVersion{}, err
	}
	if got[0] == nil && version != 0 {
		return space.RulesVersion{}, fmt.Errorf("version %d of the rules: %w", version, space.ErrNotFound)
	}
	return space.DecodeRulesVersion(got[0]) // version 0 is the built-in rules, whatever was set since
}
