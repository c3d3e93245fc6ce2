package manage

import (
	"net/http"
	"strconv"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/httpapi/profiles"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// profileGraph serves what holds a profile together.
func (h *handler) profileGraph(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	collection, known := identity.ParseCollection(r.PathValue("collection"))
	if !known {
		return answer.BadParameter("The collection is neither users nor accounts.")
	}
	ref, err := profiles.ParseRef(collection, r.PathValue("profile"))
	if err != nil {
		return err
	}
	if ref.AsOf, err = profiles.AsOf(r.URL.Query()); err != nil {
		return err
	}
	most := query.TiesStd
	if text := r.URL.Query().Get("strands"); text != "" {
		if most, err = strconv.Atoi(text); err != nil || most < 1 || most > query.TiesMost {
			return answer.BadParameter("strands is not a number from 1 to %d.", query.TiesMost)
		}
	}
	g, err := s.Ties(r.Context(), ref, most)
	if err != nil {
		return err
	}
	a := api.ProfileGraph{
		ID: g.Profile, Collection: g.Collection.String(), Provisional: g.Provisional, More: g.More,
		Identifiers: make([]api.TiedIdentifier, len(g.Identifiers)), Strands: make([]api.Tie, len(g.Strands)), Decisions: make([]api.TieDecision, len(g.Decisions)),
	}
	for i, id := range g.Identifiers {
		a.Identifiers[i] = api.TiedIdentifier{ID: id.ID.String(), Type: id.ID.Type, Value: id.ID.Value, First: answer.TimeIfAny(id.First), App: id.App}
	}
	for i := range g.Strands {
		t := &g.Strands[i]
		a.Strands[i] = api.Tie{
			Strand: t.Strand.String(), Identifiers: append([]int{}, t.IDs...), KeptOut: make([]api.KeptOff, len(t.KeptOut)),
			First: answer.TimeIfAny(t.First), MessageID: t.MessageID, App: t.App, Source: t.Source, Events: t.Events, AtLeast: t.AtLeast,
		}
		for k, out := range t.KeptOut {
			a.Strands[i].KeptOut[k] = api.KeptOff{ID: out.ID.String(), Reason: out.Reason.String()}
		}
	}
	for i, d := range g.Decisions {
		a.Decisions[i] = api.TieDecision{From: d.A.String(), To: d.B.String(), At: answer.TimeIfAny(d.At), Override: d.Override}
	}
	return ok(w, a)
}
