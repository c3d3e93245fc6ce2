package export

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
)

// RecordExport puts into the audit trail that somebody exported data: who and why is in the
// context, see package audit. What of it was written when it ended is in s; cut says that
// this was not all. Errors: those of the store.
func (x *Exporter) RecordExport(ctx context.Context, id string, e *Export, s Status, cut bool) error {
	q := &e.request
	detail := map[string]any{"kind": q.Kind, "format": q.Format, "rows": s.Rows}
	for name, value := range map[string]string{"audience": q.Audience, "where": q.Where, "source": q.Source} {
		if value != "" {
			detail[name] = value
		}
	}
	if q.Collection == identity.Accounts {
		detail["collection"] = q.Collection.String()
	}
	if len(q.Columns) > 0 {
		detail["columns"] = q.Columns
	}
	if cut {
		detail["cut"] = true
	}
	v, err := x.space.View(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	var b kv.Batch
	if err := x.space.PutAudit(&b, audit.New(ctx, v.Now().UnixNano(), "export."+q.Kind, id, detail)); err != nil {
		return err
	}
	return x.space.Store().Commit(ctx, &b)
}
