package manage

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
)

// graphAnswer is what is needed to draw a picture: identifiers, and what was seen
// of two of them.
type graphAnswer struct {
	Nodes []nodeAnswer `json:"nodes"`
	Edges []edgeAnswer `json:"edges"`
}

type nodeAnswer struct {
	ID    string `json:"id"` // type:value
	Type  string `json:"type"`
	Value string `json:"value"`
	Asked bool   `json:"asked,omitempty"` // the question was about it
}

type edgeAnswer struct {
	From      string     `json:"from"`
	To        string     `json:"to"`
	Events    int64      `json:"events,omitempty"`
	First     *time.Time `json:"first"`
	MessageID string     `json:"message_id"` // of the first event
	KeptApart bool       `json:"kept_apart"`
	Label     string     `json:"label"`
}

// node adds an identifier, once.
func (g *graphAnswer) node(id string, asked bool) {
	for i := range g.Nodes {
		if g.Nodes[i].ID == id {
			g.Nodes[i].Asked = g.Nodes[i].Asked || asked
			return
		}
	}
	kind, value, _ := strings.Cut(id, ":")
	g.Nodes = append(g.Nodes, nodeAnswer{id, kind, value, asked})
}

// chainGraph draws an explanation.
func chainGraph(a *explainAnswer) graphAnswer {
	g := graphAnswer{Nodes: []nodeAnswer{}, Edges: []edgeAnswer{}}
	g.node(a.A.ID, true)
	for i := range a.Steps {
		st := &a.Steps[i]
		g.node(st.From, false)
		g.node(st.To, false)
		label := eventsLabel(st)
		for _, out := range st.KeptOut {
			label += "; " + out.ID + ": " + out.Reason
		}
		g.Edges = append(g.Edges, edgeAnswer{
			From: st.From, To: st.To, Events: st.Events, First: st.First.Time, MessageID: st.First.MessageID,
			KeptApart: len(st.KeptOut) > 0, Label: label,
		})
	}
	g.node(a.B.ID, true)
	return g
}

func eventsLabel(st *stepAnswer) string {
	label := many(int(st.Events), "event", "events")
	if st.AtLeast {
		label = "at least " + label
	}
	return label
}

// dot answers with the graph in the language of Graphviz.
func (g *graphAnswer) dot(w http.ResponseWriter) error {
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
