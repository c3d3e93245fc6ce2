package manage

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/httpapi/profiles"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/overrides"
)

// Overrides reads, previews and applies what people decide.
type Overrides interface {
	Overrides(ctx context.Context, limit int, next string) (space.OverridePage, error)
	Override(ctx context.Context, id string) (codec.Override, uint64, error)
	PreviewUndo(ctx context.Context, u overrides.Undo) (overrides.Regrouping, error)
	ApplyUndo(ctx context.Context, u overrides.Undo) (overrides.Regrouping, error)
}

func overrideOf(o codec.Override) api.Override {
	a := api.Override{
		ID: o.ID, Kind: o.Kind, Collection: o.Collection.String(), IDs: idTexts(o.IDs), Parts: o.Parts, MessageID: o.MessageID,
		At: answer.TimeIfAny(o.At), By: o.By, For: o.For, Why: o.Why, NotAtWork: o.NotAtWork,
	}
	if o.Kind == codec.Drop {
		a.Strand = o.Strand.String()
	}
	return a
}

func idTexts(ids []identity.ID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id.String()
	}
	return out
}

func briefsOf(list []overrides.Summary) []api.ProfileSummary {
	out := make([]api.ProfileSummary, 0, len(list))
	for _, b := range list {
		out = append(out, api.ProfileSummary{ID: b.ID, Identifiers: identifiersOf(b.Identifiers), IDs: b.IDs, Strands: b.Strands, Events: b.Events, Traits: traitsOf(b.Traits)})
	}
	return out
}

func regroupingOf(g overrides.Regrouping) api.Regrouping {
	a := api.Regrouping{
		Override: overrideOf(g.Override), Revision: g.Revision, Applied: g.Applied, Provisional: g.Provisional,
		Before: briefsOf(g.Before), After: briefsOf(g.After),
		LeftOut: []api.LeftOut{}, LeftOuts: g.LeftOuts, Unowned: idTexts(g.Unowned), Unseen: idTexts(g.Unseen), Unresolved: g.Unresolved,
		Applying: g.Applying, Unforeseen: g.Unforeseen,
	}
	for _, l := range g.LeftOut {
		a.LeftOut = append(a.LeftOut, api.LeftOut{Strand: l.Strand.String(), IDs: idTexts(l.IDs), ID: l.ID.String(), Reason: l.Reason})
	}
	return a
}

func undoOf(q *api.OverrideRequest) (overrides.Undo, error) {
	u := overrides.Undo{Kind: q.Kind, Collection: identity.Users, MessageID: event.TrimID(q.MessageID)}
	if q.Collection != "" {
		var ok bool
		if u.Collection, ok = identity.ParseCollection(q.Collection); !ok {
			return u, answer.BadParameter("collection is %q; it is users or accounts.", q.Collection)
		}
	}
	for i, text := range q.IDs {
		ref, err := profiles.ParseRef(u.Collection, text)
		if err != nil || ref.Type == "" {
			return u, answer.BadParameter("ids[%d] is %q; write an external ID as type:value, such as email:jane@example.com.", i, text)
		}
		u.IDs = append(u.IDs, identity.ID{Type: ref.Type, Value: ref.Value})
	}
	var err error
	if q.Strand != "" {
		if u.Strand, err = space.ParseStrand(q.Strand); err != nil {
			return u, err
		}
	}
	switch {
	case q.Kind == overrides.Split && (q.Profile == "" || q.MessageID == ""):
		return u, answer.BadParameter("split needs profile and message_id: the profile, and the event that merged it.")
	case q.Kind == overrides.Split:
		u.Profile, err = profiles.ParseRef(u.Collection, q.Profile)
	case q.Kind == codec.Drop && q.Strand == "":
		return u, answer.BadParameter("drop needs strand, as explain shows it.")
	}
	return u, err
}

// flag reads a parameter that is true or false; false if it is not there.
func flag(r *http.Request, name string) (bool, error) {
	switch text := r.URL.Query().Get(name); strings.ToLower(text) {
	case "", "false", "0":
		return false, nil
	case "true", "1":
		return true, nil
	default:
		return false, answer.BadParameter("%s is %q; it is true or false.", name, text)
	}
}

// addOverride joins two IDs, cuts a link, takes an ID off its profile or splits a profile; with
// ?preview=true it only says what that would do.
func (h *handler) addOverride(w http.ResponseWriter, r *http.Request) error {
	var q api.OverrideRequest
	if err := h.document(w, r, &q); err != nil {
		return err
	}
	u, err := undoOf(&q)
	if err != nil {
		return err
	}
	return h.regroup(w, because(r, q.Why), u)
}

// removeOverride takes an override back.
func (h *handler) removeOverride(w http.ResponseWriter, r *http.Request) error {
	return h.regroup(w, r, overrides.Undo{Remove: r.PathValue("override")})
}

func (h *handler) regroup(w http.ResponseWriter, r *http.Request, u overrides.Undo) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	preview, err := flag(r, "preview")
	if err != nil {
		return err
	}
	if u.Only, err = onlyIf(r); err != nil {
		return err
	}
	var g overrides.Regrouping
	if preview {
		g, err = s.PreviewUndo(r.Context(), u)
	} else {
		g, err = s.ApplyUndo(untilDone(r), u)
	}
	if err != nil {
		return err
	}
	tag(w, g.Revision)
	if preview || u.Remove != "" {
		return ok(w, regroupingOf(g))
	}
	w.Header().Set("Location", fmt.Sprintf("/api/spaces/%s/overrides/%s", r.PathValue("space"), g.Override.ID))
	return created(w, regroupingOf(g))
}

func (h *handler) listOverrides(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	n, err := limit(r)
	if err != nil {
		return err
	}
	p, err := s.Overrides(r.Context(), n, r.URL.Query().Get("next"))
	if err != nil {
		return err
	}
	list := make([]api.Override, 0, len(p.Overrides))
	for _, o := range p.Overrides {
		list = append(list, overrideOf(o))
	}
	tag(w, p.Revision)
	return ok(w, paged(list, api.Cursor{HasMore: p.Next != "", Next: p.Next, Limit: n}))
}

func (h *handler) getOverride(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	o, revision, err := s.Override(r.Context(), r.PathValue("override"))
	if err != nil {
		return err
	}
	tag(w, revision)
	return ok(w, overrideOf(o))
}
