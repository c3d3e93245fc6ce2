package space

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/kv"
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
func (s *Space) Audit(ctx context.Context, limit int, next string) (AuditPage, error) {
	var page AuditPage
	from, end := codec.Audit.All(s.keys)
	if next != "" {
		at, err := hex.DecodeString(next)
		if err != nil || len(at) != 16 {
			return page, ErrBadCursor
		}
		end = codec.Audit.Key(s.keys, at)
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
