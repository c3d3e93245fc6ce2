package compute

import (
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// Bounds of windows.
const (
	shortestSession = 30 * time.Minute
	longestSession  = 90 * 24 * time.Hour
	mostSteps       = 10
)

var baseKinds = []Kind{Count, Sum, Average, Minimum, Maximum, First, Last, MostFrequent, UniqueList, UniqueCount}

var allKinds = append(append([]Kind(nil), baseKinds...), Since, Unmatched, Funnel)

// trait reads a computed trait. Which fields there are depends on its kind.
func (r *reader) trait(key string, n *yaml.Node, path string, line int) Trait {
	t := Trait{Key: key, For: identity.Users, Least: 2, Measure: Completed, Line: line}
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == "kind" {
				word(r, &t.Kind, allKinds...)(n.Content[i+1], path+".kind")
			}
		}
		if t.Kind == "" {
			if len(r.list) == 0 || r.list[len(r.list)-1].Path != path+".kind" {
				r.add(line, path, "`kind` is missing: how its value is computed, such as count")
			}
			return t
		}
	}
	fields := map[string]func(*yaml.Node, string){
		"name":        r.text(&t.Name),
		"description": r.text(&t.Description),
		"kind":        func(*yaml.Node, string) {},
		"for":         r.collection(&t.For),
		"if":          r.text(&t.If),
		"disabled":    r.boolean(&t.Disabled),
	}
	add := func(more map[string]func(*yaml.Node, string)) {
		for name, f := range more {
			fields[name] = f
		}
	}
	switch t.Kind {
	case Since:
		fields["of"] = func(n *yaml.Node, path string) { r.sinceOf(&t, n, path) }
		fields["last"] = r.other(&t.Other, false)
	case Unmatched:
		match := ""
		add(r.selection(&t.Of))
		fields["window"] = r.window(&t.Window, false)
		fields["without"] = r.other(&t.Other, true)
		fields["match"] = func(n *yaml.Node, path string) {
			word(r, &match, "later", "ever")(n, path)
			t.Ever = match == "ever"
		}
	case Funnel:
		fields["window"] = r.window(&t.Window, false)
		fields["steps"] = func(n *yaml.Node, path string) { r.steps(&t, n, path) }
		fields["within"] = r.duration(&t.Within, time.Second, longestDuration)
		fields["by"] = r.text(&t.By)
		fields["count"] = word(r, &t.Measure, Completed, Abandoned, Open)
	default:
		add(r.selection(&t.Of))
		fields["window"] = r.window(&t.Window, true)
		if t.Kind == MostFrequent {
			fields["minimum"] = r.whole(&t.Least, 1, 1_000_000)
		}
	}
	if r.object(n, path, fields) {
		r.completeTrait(&t, path)
	}
	return t
}

// completeTrait notes what is missing in a trait, and what does not fit.
func (r *reader) completeTrait(t *Trait, path string) {
	switch t.Kind {
	case Since:
		if t.OfKind == "" {
			r.add(t.Line, path, "`of` is missing: what is counted, such as of: {event: Workout Completed, kind: count}")
		}
		if len(t.Other.Calls) == 0 {
			r.add(t.Line, path, "`last` is missing: the event since which is counted, such as last: {event: Order Completed}")
		}
	case Unmatched:
		r.complete(&t.Of, path, t.Line)
		r.needProperty(t.Kind, &t.Of, path)
		if len(t.Other.Calls) == 0 {
			r.add(t.Line, path, "`without` is missing: the event that matches, such as without: {event: Order Completed, property: properties.product_id}")
		}
	case Funnel:
		if len(t.Steps) < 2 {
			r.add(t.Line, path, "`steps` is missing: two or more, such as steps: [{event: Checkout Started}, {event: Order Completed}]")
		}
		if t.Within == 0 && t.Measure == Abandoned {
			r.add(t.Line, path, "without `within` nothing is ever abandoned; add it, or count open")
		}
		for i := range t.Steps {
			t.Steps[i].Property = t.By
		}
	default:
		r.complete(&t.Of, path, t.Line)
		r.needProperty(t.Kind, &t.Of, path)
	}
}

// needProperty notes that a kind which folds values has none to fold.
func (r *reader) needProperty(kind Kind, s *Selection, path string) {
	if s.Property == "" && kind != Count {
		r.add(s.Line, path, "`property` is missing: the path of the value, such as properties.revenue")
	}
}

func (r *reader) sinceOf(t *Trait, n *yaml.Node, path string) {
	fields := r.selection(&t.Of)
	fields["kind"] = word(r, &t.OfKind, baseKinds...)
	fields["minimum"] = r.whole(&t.Least, 1, 1_000_000)
	if !r.object(n, path, fields) {
		return
	}
	r.complete(&t.Of, path, n.Line)
	if t.OfKind == "" {
		t.OfKind = Count
	}
	r.needProperty(t.OfKind, &t.Of, path)
}

// other reads the second selection of a trait.
func (r *reader) other(s *Selection, property bool) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		fields := r.selection(s)
		if !property {
			delete(fields, "property")
		}
		if !r.object(n, path, fields) {
			return
		}
		if r.complete(s, path, n.Line); property {
			r.needProperty(Unmatched, s, path)
		}
	}
}

func (r *reader) steps(t *Trait, n *yaml.Node, path string) {
	if n.Kind != yaml.SequenceNode || len(n.Content) < 2 || len(n.Content) > mostSteps {
		r.add(n.Line, path, "write a list of 2 to %d steps, such as [{event: Checkout Started}, {event: Order Completed}]", mostSteps)
		return
	}
	t.Steps = make([]Selection, len(n.Content))
	for i, one := range n.Content {
		at := path + "[" + strconv.Itoa(i) + "]"
		fields := r.selection(&t.Steps[i])
		delete(fields, "property")
		if r.object(one, at, fields) {
			r.complete(&t.Steps[i], at, one.Line)
		}
	}
}

// window reads none or a length and, with all set, {from, to} or {session}.
func (r *reader) window(w *Window, all bool) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		if n.Kind == yaml.ScalarNode {
			if n.Value != "none" {
				r.duration(&w.Length, time.Second, longestDuration)(n, path)
			}
			return
		}
		if !all {
			r.add(n.Line, path, "write none or a length, such as 90d")
			return
		}
		fields := map[string]func(*yaml.Node, string){
			"from":    r.duration(&w.Length, time.Second, longestDuration),
			"to":      r.duration(&w.Skip, time.Second, longestDuration),
			"session": r.duration(&w.Session, shortestSession, longestSession),
		}
		before := len(r.list)
		if !r.object(n, path, fields) || len(r.list) > before {
			return
		}
		switch {
		case w.Session > 0 && (w.Length > 0 || w.Skip > 0):
			r.add(n.Line, path, "a session has no from and to")
		case w.Session == 0 && w.Length <= w.Skip:
			r.add(n.Line, path, "the window is empty; `from` must be further back than `to`, such as {from: 30d, to: 7d}")
		}
	}
}
