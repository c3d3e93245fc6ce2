package manage

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"github.com/selfsame-id/selfsame/internal/api"
)

// addNode adds an identifier, once.
func addNode(g *api.Graph, id string, asked bool) {
	for i := range g.Nodes {
		if g.Nodes[i].ID == id {
			g.Nodes[i].Asked = g.Nodes[i].Asked || asked
			return
		}
	}
	kind, value, _ := strings.Cut(id, ":")
	g.Nodes = append(g.Nodes, api.Node{ID: id, Type: kind, Value: value, Asked: asked})
}

// chainGraph draws an explanation.
func chainGraph(a *api.Explanation) api.Graph {
	g := api.Graph{Nodes: []api.Node{}, Edges: []api.Edge{}}
	addNode(&g, a.A.ID, true)
	for i := range a.Steps {
		st := &a.Steps[i]
		addNode(&g, st.From, false)
		addNode(&g, st.To, false)
		label := eventsLabel(st)
		if st.Decided != nil {
			label = "decided: " + st.Decided.ID
			if st.Events > 0 {
				label += "; " + eventsLabel(st)
			}
		}
		for _, out := range st.KeptOut {
			label += "; " + out.ID + ": " + out.Reason
		}
		g.Edges = append(g.Edges, api.Edge{
			From: st.From, To: st.To, Events: st.Events, First: st.First.Time, MessageID: st.First.MessageID,
			KeptApart: len(st.KeptOut) > 0, Label: label,
		})
	}
	addNode(&g, a.B.ID, true)
	return g
}

func eventsLabel(st *api.Step) string {
	label := many(int(st.Events), "event", "events")
	if st.AtLeast {
		label = "at least " + label
	}
	return label
}

// answerDot answers with the graph in the language of Graphviz.
func answerDot(w http.ResponseWriter, g *api.Graph) error {
	var b bytes.Buffer
	b.WriteString("graph selfsame {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n")
	for _, n := range g.Nodes {
		fmt.Fprintf(&b, "  %s", dotText(n.ID))
		if n.Asked {
			b.WriteString(" [penwidth=2]")
		}
		b.WriteString(";\n")
	}
	for _, e := range g.Edges {
		fmt.Fprintf(&b, "  %s -- %s [label=%s", dotText(e.From), dotText(e.To), dotText(e.Label))
		if e.KeptApart {
			b.WriteString(", style=dashed, color=red")
		}
		b.WriteString("];\n")
	}
	b.WriteString("}\n")
	w.Header().Set("Content-Type", "text/vnd.graphviz; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(b.Bytes()) // a client that left needs no answer
	return nil
}

// dotText quotes text for Graphviz, where a backslash begins an escape.
func dotText(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	return `"` + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), `"`, `\"`) + `"`
}
