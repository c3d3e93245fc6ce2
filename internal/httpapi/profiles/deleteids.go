package profiles

import (
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/overrides"

	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/httpapi/body"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
)

// mostDeleted bounds the identifiers of one request.
const mostDeleted = 50

// deleteExternalIDs takes identifiers off a profile (Segment, Profile API,
// "Delete a single external ID"). Unlike there, they stay away: replays, imports
// and later events do not bring them back. The management API can undo it.
func (h *handler) deleteExternalIDs(w http.ResponseWriter, r *http.Request) {
	err := h.takeOff(w, r)
	if errors.Is(err, space.ErrNotFound) {
		p := answer.Of(err)
		if p.Message == "" || err == space.ErrNotFound {
			p = answer.New(http.StatusNotFound, answer.NotFound, "Profile was not found.")
		}
		err = p
	}
	if err != nil {
		answer.Error(w, r, h.Log, err)
	}
}

func (h *handler) takeOff(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST")
		return answer.New(http.StatusMethodNotAllowed, answer.MethodNotAllowed, "This path accepts only POST.")
	}
	q, err := h.understand(w, r, "external_ids/delete")
	if err != nil {
		return err
	}
	ids, err := h.readDeleted(w, r, q.collection)
	if err != nil {
		return err
	}
	ctx := audit.With(r.Context(), audit.Actor{By: q.by, Why: "deleted through the Profile API"})
	undo := overrides.Undo{Kind: codec.Isolate, Collection: q.collection, IDs: ids, Profile: q.ref}
	preview, err := q.flag("preview")
	if err != nil {
		return err
	}
	act := q.space.ApplyUndo
	if preview {
		act = q.space.PreviewUndo
	}
	g, err := act(ctx, undo)
	if err != nil {
		return err
	}
	out := struct {
		Deleted  []deleted `json:"deleted_external_ids"`
		Override string    `json:"override_id,omitempty"` // with which the management API undoes it
		// What hung on the identifiers alone: events that are of nobody now, and
		// profiles that stand for themselves.
		Unresolved int64      `json:"unresolved_events"`
		Apart      []standing `json:"apart"`
		Applying   bool       `json:"applying"` // decided again in the background
		Preview    bool       `json:"preview"`
	}{Unresolved: g.Unresolved, Apart: []standing{}, Applying: g.Applying, Preview: preview}
	if !preview {
		out.Override = g.Override.ID
	}
	was := map[string]bool{}
	for i := range g.Before {
		was[g.Before[i].ID] = true
	}
	for i := range g.After {
		b := &g.After[i]
		if was[b.ID] {
			continue // the person goes on under it
		}
		one := standing{SegmentID: b.ID, Events: b.Events, IDs: []deleted{}}
		for _, id := range b.Identifiers {
			one.IDs = append(one.IDs, deleted{id.Value, id.Type})
		}
		out.Apart = append(out.Apart, one)
	}
	for _, id := range ids {
		out.Deleted = append(out.Deleted, deleted{id.Value, id.Type})
	}
	answer.JSON(w, http.StatusOK, out)
	return nil
}

type deleted struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

// standing is a profile that stands for itself.
type standing struct {
	SegmentID string    `json:"segment_id,omitempty"` // not known in a preview
	IDs       []deleted `json:"external_ids"`
	Events    int64     `json:"events"`
}

func (h *handler) readDeleted(w http.ResponseWriter, r *http.Request, c identity.Collection) ([]identity.ID, error) {
	buf, err := body.Read(w, r, body.Limits{Bytes: 64 << 10, Pause: 10 * time.Second}, h.Budget.Known())
	if buf != nil {
		defer buf.Release()
	}
	switch {
	case errors.Is(err, body.ErrEncoding):
		return nil, answer.New(http.StatusUnsupportedMediaType, answer.BadEncoding, "The Content-Encoding is not supported; send the body uncompressed.")
	case errors.Is(err, body.ErrUnpack):
		return nil, answer.Invalid("the body cannot be decompressed; it is not what its Content-Encoding says, or it was cut short")
	case errors.Is(err, body.ErrTooLarge):
		return nil, answer.New(http.StatusRequestEntityTooLarge, answer.TooLarge, "The body has more than 64 KiB.")
	}
	if err != nil {
		return nil, err
	}
	var doc struct {
		Delete []struct {
			ID   string `json:"id"`
			Type string `json:"type"`
		} `json:"delete_external_ids"`
	}
	if err := json.Unmarshal(buf.Bytes(), &doc); err != nil {
		return nil, answer.Invalid(`the body is not JSON such as {"delete_external_ids":[{"id":"a1","type":"anonymous_id"}]}`)
	}
	if n := len(doc.Delete); n == 0 || n > mostDeleted {
		return nil, answer.BadParameter("delete_external_ids has %d identifiers; send 1 to %d.", n, mostDeleted)
	}
	var ids []identity.ID
	for i, d := range doc.Delete {
		ref, err := ParseRef(c, d.Type+":"+d.ID)
		if err != nil || ref.Type == "" {
			return nil, answer.BadParameter("delete_external_ids[%d] has no id, or no type that an external ID can have.", i)
		}
		if ref.Type == "group_id" {
			return nil, answer.BadParameter("delete_external_ids[%d] is a group_id; an account cannot exist without it.", i)
		}
		if id := (identity.ID{Type: ref.Type, Value: ref.Value}); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
