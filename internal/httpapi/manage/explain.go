package manage

import (
	"context"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/httpapi/profiles"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// Explainer says why identifiers are one person, or not.
type Explainer interface {
	Explain(ctx context.Context, a, b space.Ref) (query.Explanation, error)
	Story(ctx context.Context, ref space.Ref, limit int, next string) (query.StoryPage, error)
}

// What the answer rests on.
const (
	whySame     = "same"                    // both are the same ID
	whyEvidence = "evidence"                // a chain of events
	whyDecided  = "decided"                 // a chain in which people decided a step that no event has
	whyKept     = "kept_apart"              // a rule or an override
	whyBlocked  = "blocked"                 // one of the two names nobody
	whyCommon   = "blocked_value_in_common" // only an ID that names nobody
	whyNothing  = "nothing"                 // no event
)

// mostMembers is how many of the values that filled a limit are listed.
const mostMembers = 50

// explain serves why two IDs are one person, or why not.
func (h *handler) explain(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	c := identity.Users
	if text := query.Get("collection"); text != "" {
		var known bool
		if c, known = identity.ParseCollection(text); !known {
			return answer.BadParameter("The collection is neither users nor accounts.")
		}
	}
	var refs [2]space.Ref
	for i, name := range []string{"a", "b"} {
		if !query.Has(name) {
			return answer.BadParameter("%s is missing; send a and b, each type:value or a profile's own ID.", name)
		}
		if refs[i], err = profiles.ParseRef(c, query.Get(name)); err != nil {
			return err
		}
	}
	format := query.Get("format")
	if format != "" && format != "json" && format != "dot" {
		return answer.BadParameter("format is neither json nor dot.")
	}
	e, err := s.Explain(r.Context(), refs[0], refs[1])
	if err != nil {
		return err
	}
	a := explanationOf(&e)
	if format == "dot" {
		return answerDot(w, &a.Graph)
	}
	return ok(w, a)
}

func explanationOf(e *query.Explanation) api.Explanation {
	a := api.Explanation{
		Collection: e.Collection.String(), A: askedOf(e.A), B: askedOf(e.B),
		Together: e.Together, Provisional: e.Provisional,
		Steps: []api.Step{}, Unused: []api.Override{}, BlockedInCommon: idTexts(e.BlockedInCommon),
	}
	for i := range e.Steps {
		a.Steps = append(a.Steps, stepOf(&e.Steps[i]))
	}
	for _, o := range e.Unused {
		a.Unused = append(a.Unused, overrideOf(o))
	}
	a.Why = whyOf(e)
	a.Says = sentence(a.Why, e)
	a.Graph = chainGraph(&a)
	return a
}

func whyOf(e *query.Explanation) string {
	switch {
	case e.A.Blocked || e.B.Blocked:
		return whyBlocked
	case e.Together && len(e.Steps) == 0:
		return whySame
	case e.Together && decisions(e) > 0:
		return whyDecided
	case e.Together:
		return whyEvidence
	case len(e.Steps) > 0:
		return whyKept
	case len(e.BlockedInCommon) > 0:
		return whyCommon
	}
	return whyNothing
}

// decisions counts the steps that people decided and that no event has.
func decisions(e *query.Explanation) int {
	n := 0
	for i := range e.Steps {
		if e.Steps[i].Strands == 0 {
			n++
		}
	}
	return n
}

func askedOf(a query.Asked) api.Asked {
	out := api.Asked{ID: a.ID.String(), Profile: a.Profile, Blocked: a.Blocked}
	if a.Isolated != nil {
		out.Override = a.Isolated.ID
	}
	return out
}

func stepOf(st *query.EvidenceStep) api.Step {
	a := api.Step{
		From: st.From.String(), To: st.To.String(), Strands: st.Strands,
		Events: st.Evidence.Events, AtLeast: st.Evidence.AtLeast,
		First: seenOf(st.Evidence.First), Last: seenOf(st.Evidence.Last),
		Sources: append([]string{}, st.Evidence.Sources...), MoreSources: st.Evidence.MoreSources,
		KeptOut: []api.KeptOut{}, FirstStrands: []string{},
	}
	if st.Decided != nil {
		o := overrideOf(*st.Decided)
		a.Decided = &o
	}
	for _, h := range st.First {
		a.FirstStrands = append(a.FirstStrands, h.String())
	}
	for i := range st.Demotions {
		a.KeptOut = append(a.KeptOut, outOf(&st.Demotions[i]))
	}
	return a
}

func seenOf(s query.Seen) api.SeenEvent {
	a := api.SeenEvent{Time: eventTime(s.Time, s.MessageID != "" || s.Type != 0), MessageID: s.MessageID, Source: s.Source, Name: s.Name, App: s.App, Damaged: s.Damaged}
	if s.Type != 0 {
		a.Type = s.Type.String()
	}
	return a
}

// eventTime is the time of an event; nil where there is none.
func eventTime(ns int64, known bool) *time.Time {
	if known {
		return answer.Time(ns)
	}
	return answer.TimeIfAny(ns)
}

func outOf(d *query.Demotion) api.KeptOut {
	a := api.KeptOut{
		ID: d.ID.String(), Strand: d.Strand.Hash.String(), Reason: d.Reason.String(), Event: seenOf(d.Event), Limit: limitOf(d.Broke, d.Limit),
		Had: membersOf(d.Had), HadCount: len(d.Had), Brought: membersOf(d.Brought), BroughtCount: len(d.Brought),
		OverrideIDs: idTexts(d.Override), Until: answer.TimeIfAny(d.Recheck), AsOfNow: d.Now, Unclear: d.Unclear,
	}
	if d.Decided != nil {
		o := overrideOf(*d.Decided)
		a.Override = &o
	}
	a.Says = wordsOf(d)
	return a
}

func limitOf(idType string, l identity.Limit) *api.Limit {
	if l.Values == 0 {
		return nil
	}
	a := &api.Limit{Type: idType, Values: l.Values}
	if idType != "" {
		a.Window = l.WindowWord()
	}
	return a
}

func membersOf(members []identity.Member) []api.Member {
	var out []api.Member
	for _, m := range members[:min(len(members), mostMembers)] {
		one := api.Member{ID: m.ID.String()}
		if m.Time != identity.Unseen {
			one.Since = answer.Time(m.Time)
		}
		out = append(out, one)
	}
	return out
}
