package catalog

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/kv"
)

func auditPrefix(space string) []byte {
	return append(append([]byte{prefix, kindAudit}, space...), 0)
}

// log adds an entry to the audit trail of each space that a change concerns.
func (ch *changer) log(action, subject string, detail any, spaces ...string) {
	e := audit.New(ch.ctx, ch.now, action, subject, detail)
	for _, space := range spaces {
		key := binary.BigEndian.AppendUint64(auditPrefix(space), uint64(e.Time)^1<<63)
		var nonce [8]byte
		rand.Read(nonce[:]) // never fails, see crypto/rand
		ch.batch.Put(append(key, nonce[:]...), encode(e))
	}
}

// AuditPage is a page of an audit trail; Next is "" on the last.
type AuditPage struct {
	Entries []audit.Entry
	Next    string
}

// Audit lists who changed a space, its sources and its tokens, the newest
// first, limit entries (1 to 1000). The trail of a space that was deleted stays. ErrInvalid
// if next is not a token of ours, ErrNotFound if there never was such a space.
func (c *Catalog) Audit(ctx context.Context, space string, limit int, next string) (AuditPage, error) {
	var page AuditPage
	from := auditPrefix(space)
	end := kv.PrefixEnd(from)
	if next != "" {
		at, err := hex.DecodeString(next)
		if err != nil || len(at) != 16 {
			return page, fmt.Errorf("%w: next is not a page token of this list", ErrInvalid)
		}
		end = append(auditPrefix(space), at...)
	}
	r, err := c.store.Snapshot(ctx)
	if err != nil {
		return page, fmt.Errorf("reading the catalog: %w", err)
	}
	defer r.Close()
	entries, err := r.Scan(ctx, from, end, limit+1, true)
	if err != nil {
		return page, fmt.Errorf("reading the catalog: %w", err)
	}
	if len(entries) == 0 && next == "" {
		if _, err := c.Space(ctx, space); err != nil {
			return page, err
		}
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
		one.Key = hex.EncodeToString(e.Key[len(e.Key)-16:])
		page.Entries = append(page.Entries, one)
	}
	return page, nil
}
