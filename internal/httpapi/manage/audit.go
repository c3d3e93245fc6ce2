package manage

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// Auditor reads the audit trail.
type Auditor interface {
	Audit(ctx context.Context, limit int, next string) (query.AuditPage, error)
}

func auditOf(entries []audit.Entry) []api.AuditEntry {
	out := make([]api.AuditEntry, len(entries))
	for i, e := range entries {
		out[i] = api.AuditEntry{At: answer.TimeIfAny(e.Time), By: e.By, For: e.For, Action: e.Action, Subject: e.Subject, Why: e.Why, Detail: e.Detail}
	}
	return out
}

// spaceAudit lists who changed what in a space, the newest first: its rules,
// overrides and refused messages, which its own trail has, and its sources and
// tokens, which the catalog's has. The keys of both sort together. Of a space that was
// deleted the catalog's trail is left.
func (h *handler) spaceAudit(w http.ResponseWriter, r *http.Request) error {
	n, err := limit(r)
	if err != nil {
		return err
	}
	next := r.URL.Query().Get("next")
	var of query.AuditPage
	switch s, err := h.open(r); {
	case err == nil:
		if of, err = s.Audit(r.Context(), n, next); err != nil {
			return err
		}
	case !errors.Is(err, catalog.ErrNotFound):
		return err
	}
	about, err := h.Catalog.Audit(r.Context(), r.PathValue("space"), n, next)
	if err != nil {
		return err
	}
	all := append(of.Entries, about.Entries...)
	slices.SortFunc(all, func(a, b audit.Entry) int { return cmp.Compare(b.Key, a.Key) })
	more := len(all) > n || of.Next != "" || about.Next != ""
	all = all[:min(n, len(all))]
	c := api.Cursor{Limit: n}
	if more {
		c.HasMore, c.Next = true, all[len(all)-1].Key
	}
	return ok(w, paged(auditOf(all), c))
}
