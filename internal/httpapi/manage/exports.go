package manage

import (
	"bufio"
	"context"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/segmentio/ksuid"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/export"
)

// Exporter writes what a space holds.
type Exporter interface {
	Export(ctx context.Context, q export.Request) (*export.Export, error)
	RecordExport(ctx context.Context, id string, e *export.Export, s export.Status, cut bool) error
}

// The bounds of exports on a node: what runs at once, and what is remembered.
const (
	mostExports    = 4
	keptExports    = 50
	exportBuffer   = 256 << 10
	mostExportName = 64
)

// exports are those of a node, the newest last.
type exports struct {
	mu  sync.Mutex
	all []*api.Export
}

func (x *exports) add(e *api.Export) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	running := 0
	for _, one := range x.all {
		if one.ID == e.ID {
			return answer.New(http.StatusConflict, answer.Conflict, "There is an export with the ID %s; leave id out, or choose another.", e.ID)
		}
		if one.State == jobRunning {
			running++
		}
	}
	if running >= mostExports {
		p := answer.New(http.StatusTooManyRequests, answer.RateLimit, "%d exports are already running. Wait for one to finish.", running)
		p.RetryAfter = 5 * time.Second
		return p
	}
	x.all = append(x.all, e)
	if len(x.all) > keptExports {
		if i := slices.IndexFunc(x.all, func(e *api.Export) bool { return e.State != jobRunning }); i >= 0 {
			x.all = slices.Delete(x.all, i, i+1)
		}
	}
	return nil
}

func (x *exports) change(e *api.Export, f func(*api.Export)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	f(e)
}

// of lists copies of a space's exports, the newest first.
func (x *exports) of(space string) []api.Export {
	x.mu.Lock()
	defer x.mu.Unlock()
	list := []api.Export{}
	for _, e := range slices.Backward(x.all) {
		if e.Space == space {
			list = append(list, *e)
		}
	}
	return list
}

// contentTypes are those of the formats.
var contentTypes = map[string]string{
	export.NDJSON:  "application/x-ndjson",
	export.CSV:     "text/csv; charset=utf-8; header=present",
	export.Parquet: "application/vnd.apache.parquet",
}

// exportRequest reads what is to be exported.
func exportRequest(r *http.Request) (export.Request, error) {
	query := r.URL.Query()
	q := export.Request{
		Kind: r.PathValue("what"), Format: query.Get("format"),
		Audience: query.Get("audience"), Where: query.Get("where"), Source: query.Get("source"),
	}
	if q.Format == "" {
		q.Format = export.NDJSON
	}
	if text := query.Get("collection"); text != "" {
		var known bool
		if q.Collection, known = identity.ParseCollection(text); !known {
			return q, answer.BadParameter("The collection is neither users nor accounts.")
		}
	}
	switch columns := query["columns"]; {
	case len(columns) == 1 && columns[0] != "":
		q.Columns = strings.Split(columns[0], ",")
	case len(columns) > 1:
		q.Columns = slices.DeleteFunc(columns, func(c string) bool { return c == "" })
	}
	return q, nil
}

// exportData streams an export. Where it cannot go on, the connection is cut, and the list of
// exports says why.
func (h *handler) exportData(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	q, err := exportRequest(r)
	if err != nil {
		return err
	}
	id := r.URL.Query().Get("id")
	if len(id) > mostExportName {
		return answer.BadParameter("id is longer than %d characters.", mostExportName)
	}
	if id == "" {
		id = "exp_" + ksuid.New().String()
	}
	e, err := s.Export(r.Context(), q)
	if err != nil {
		return err
	}
	defer e.Close()
	who := audit.From(r.Context())
	job := &api.Export{
		ID: id, Space: r.PathValue("space"), Kind: q.Kind, Format: q.Format, State: jobRunning, By: who.By, For: who.For,
		Started: h.Now().UTC(), AsOf: time.Unix(0, e.AsOf()).UTC(), DefinitionsAsOf: answer.TimeIfAny(e.ToldAsOf()),
	}
	if err := h.exports.add(job); err != nil {
		return err
	}
	h.Log.Info("an export begins", "space", job.Space, "kind", q.Kind, "format", q.Format, "export", id, "by", job.By, "for", job.For)
	header := w.Header()
	header.Set("Content-Type", contentTypes[q.Format])
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Selfsame-Export", id)
	header.Set("Selfsame-As-Of", job.AsOf.Format(time.RFC3339Nano))
	name := fmt.Sprintf("%s-%s-%s.%s", job.Space, q.Kind, job.AsOf.Format("20060102-150405"), q.Format)
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	out := bufio.NewWriterSize(w, exportBuffer)
	var last export.Status
	err = e.Write(r.Context(), out, func(st export.Status) {
		last = st
		h.exports.change(job, func(e *api.Export) {
			e.Done, e.Total, e.Rows, e.Damaged = st.Done, st.Total, st.Rows, st.Damaged
		})
	})
	if err == nil {
		err = out.Flush()
	}
	if failed := s.RecordExport(untilDone(r), id, e, last, err != nil); failed != nil {
		h.Log.Error("an export could not be put into the audit trail", "space", job.Space, "export", id, "by", job.By, "for", job.For, "error", failed)
	}
	if err != nil {
		problem := answer.Of(err)
		h.exports.change(job, func(e *api.Export) { e.State, e.Error = jobFailed, problem.Message })
		h.Log.Warn("an export could not be finished", "space", job.Space, "export", id, "error", err)
		panic(http.ErrAbortHandler) // what was sent must not pass for all of it
	}
	h.exports.change(job, func(e *api.Export) { e.State = jobDone })
	return nil
}

// listExports lists the exports of a space that run, or ran lately, on this node.
func (h *handler) listExports(w http.ResponseWriter, r *http.Request) error {
	if _, err := h.open(r); err != nil {
		return err
	}
	list := h.exports.of(r.PathValue("space"))
	return ok(w, paged(list, api.Cursor{Limit: keptExports}))
}

func (h *handler) getExport(w http.ResponseWriter, r *http.Request) error {
	if _, err := h.open(r); err != nil {
		return err
	}
	for _, e := range h.exports.of(r.PathValue("space")) {
		if e.ID == r.PathValue("export") {
			return ok(w, e)
		}
	}
	return answer.New(http.StatusNotFound, answer.NotFound, "This node has no such export. It keeps the last %d, until it stops.", keptExports)
}
