package manage

import (
	"net/http"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// story serves how a profile came to be, step by step.
func (h *handler) story(w http.ResponseWriter, r *http.Request) error {
	s, ref, err := h.openProfile(r)
	if err != nil {
		return err
	}
	at, err := pageOf(r)
	if err != nil {
		return err
	}
	format := r.URL.Query().Get("format")
	if format != "" && format != "json" && format != "dot" {
		return answer.BadParameter("format is neither json nor dot.")
	}
	p, err := s.Story(r.Context(), ref, at.limit, at.next)
	if err != nil {
		return err
	}
	a := api.Story{
		ID: p.Profile, Collection: p.Collection.String(), Provisional: p.Provisional, Strands: p.Strands, Total: p.Total,
		Data: []api.Chapter{}, Cursor: api.Cursor{HasMore: p.Next != "", Next: p.Next, Limit: at.limit},
	}
	for i := range p.Chapters {
		a.Data = append(a.Data, chapterOf(&p.Chapters[i]))
	}
	a.Graph = storyGraph(a.Data)
	if format == "dot" {
		return answerDot(w, &a.Graph)
	}
	return ok(w, a)
}

func chapterOf(c *query.Chapter) api.Chapter {
	a := api.Chapter{
		Kind: c.Kind.String(), Event: seenOf(c.Event), IDs: idTexts(c.IDs), Through: idTexts(c.Through),
		Reason: c.Reason.String(), Limit: limitOf(c.Broke, c.Limit), Strands: c.Strands,
	}
	if c.Chapter.Strand != nil {
		a.Strand = c.Chapter.Strand.Hash.String()
	}
	if c.Decided != nil {
		o := overrideOf(*c.Decided)
		a.Decided = &o
	}
	for _, p := range c.Parts {
		a.Parts = append(a.Parts, api.Part{Profile: p.Profile, IDs: idTexts(p.IDs), Count: p.Count})
	}
	return a
}

// storyGraph draws what each step tied together: a tree for each part of the
// profile, and what was left out beside it.
func storyGraph(chapters []api.Chapter) api.Graph {
	g := api.Graph{Nodes: []api.Node{}, Edges: []api.Edge{}}
	above := map[string]string{} // tied to; the root of a tree to nothing
	root := func(id string) string {
		for above[id] != "" {
			id = above[id]
		}
		return id
	}
	for i := range chapters {
		c := &chapters[i]
		out := c.Kind == identity.KeptOut.String()
		all := append(append([]string{}, c.Through...), c.IDs...)
		for k, id := range all {
			if k > 0 && k < len(c.Through) && c.Kind != identity.Merged.String() {
				continue // tied before
			}
			addNode(&g, id, false)
			if k == 0 {
				continue
			}
			e := api.Edge{From: all[0], To: id, First: c.Event.Time, MessageID: c.Event.MessageID, KeptApart: out, Label: c.Event.MessageID}
			if c.Decided != nil {
				e.Label = c.Decided.ID
			}
			if out {
				e.Label += "; " + c.Reason
			} else {
				a, b := root(all[0]), root(id)
				if a == b {
					continue
				}
				above[b] = a
			}
			g.Edges = append(g.Edges, e)
		}
	}
	return g
}
