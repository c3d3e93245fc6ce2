package profiles

import (
	"encoding/json"
	"errors"
	"net/http"
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
		return answer.New(http.StatusMethodNotAllowed, answer.MethodNotAllowed, "This address takes POST.")
	}
	q, err := h.understand(w, r, "external_ids/delete")
	if err != nil {
		return err
	}
	ids, err := h.readDeleted(w, r, q.collection)
	if err != nil {
		return err
	}
	view, err := q.space.Look(r.Context(), q.ref, space.PartIdentifiers)
	if err != nil {
		return err
	}
	if err := keepsOne(&view, ids); err != nil {
		return err
	}
	ctx := audit.With(r.Context(), audit.Actor{By: q.by, Why: "deleted through the Profile API"})
	g, err := q.space.ApplyUndo(ctx, space.Undo{Kind: space.Isolate, Collection: q.collection, IDs: ids, Profile: q.ref})
	if err != nil {
		return err
	}
	type deleted struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	}
	out := struct {
		Deleted  []deleted `json:"deleted_external_ids"`
		Override string    `json:"override_id"` // with which the management API undoes it
	}{Override: g.Override.ID}
	for _, id := range ids {
		out.Deleted = append(out.Deleted, deleted{id.Value, id.Type})
	}
	answer.JSON(w, http.StatusOK, out)
	return nil
}

func (h *handler) readDeleted(w http.ResponseWriter, r *http.Request, c identity.Collection) ([]identity.ID, error) {
	buf, err := body.Read(w, r, body.Limits{Bytes: 64 << 10, Pause: 10 * time.Second}, h.Budget.Known())
	if buf != nil {
		defer buf.Release()
	}
	switch {
	case errors.Is(err, body.ErrEncoding):
		return nil, answer.New(http.StatusUnsupportedMediaType, answer.BadEncoding, "The Content-Encoding is not known here; send the body as it is.")
	case errors.Is(err, body.ErrUnpack):
		return nil, answer.Invalid("the body cannot be unpacked; it is not what its Content-Encoding says, or it was cut")
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
			return nil, answer.BadParameter("delete_external_ids[%d] is a group_id; an account without it would be none.", i)
		}
		ids = append(ids, identity.ID{Type: ref.Type, Value: ref.Value})
	}
	return ids, nil
}

// keepsOne refuses to take the last user_id off a profile.
func keepsOne(v *space.View, ids []identity.ID) error {
	had, left := false, false
	for _, id := range v.Identifiers {
		if id.Type != "user_id" {
			continue
		}
		had = true
		gone := false
		for _, d := range ids {
			gone = gone || d.Type == id.Type && d.Value == id.Value
		}
		left = left || !gone
	}
	if had && !left {
		return answer.BadParameter("The last user_id of a profile cannot be deleted.")
	}
	return nil
}
