package query

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// AuditPage is a page of the audit trail; Next is "" on the last.
type AuditPage struct {
	Entries []audit.Entry
	Next    string
}

// Audit lists who changed what in the space, the newest first, limit entries (1
// to 1000). What concerns sources, tokens and the space itself is in the trail
// of the catalog.
func (r *Reader) Audit(ctx context.Context, limit int, next string) (AuditPage, error) {
	var page AuditPage
	v, err := r.space.View(ctx)
	if err != nil {
		return page, err
	}
	defer v.Close()
	from, end := codec.Audit.All(v.Keys())
	if next != "" {
		at, err := hex.DecodeString(next)
		if err != nil || len(at) != 16 {
			return page, space.ErrBadCursor
		}
		end = codec.Audit.Key(v.Keys(), at)
	}
	entries, err := v.Reader().Scan(ctx, from, end, limit+1, true)
	if err != nil {
		return page, err
	}
	for i, e := range entries {
		if i == limit {
			page.Next = page.Entries[i-1].Key
			break
		}
		var one audit.Entry
		if err := json.Unmarshal(e.Value, &one); err != nil {
			return page, fmt.Errorf("%w: an entry of the audit trail: %w", kv.ErrCorrupt, err)
		}
		at, ok := codec.Audit.Parse(e.Key)
		if !ok {
			return page, kv.ErrCorrupt
		}
		one.Key = hex.EncodeToString(at)
		page.Entries = append(page.Entries, one)
	}
	return page, nil
}
