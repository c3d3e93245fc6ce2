package compute

import (
	"fmt"
	"strings"

	"github.com/selfsame-id/selfsame/internal/event"
)

// path leads to values within an event: a root and names, each of which may go through
// the elements of an array.
type path struct {
	root  string
	steps []pathStep
}

type pathStep struct {
	name string
	each bool // [] follows: every element of the array
}

// mostSegments is how many names a path may have.
const mostSegments = 20

// parsePath reads properties.products[].product_id, context.ip or properties["a b"].x.
func parsePath(text string) (path, error) {
	wrong := func() (path, error) {
		return path{}, fmt.Errorf("%q is no path; write one such as properties.revenue, properties.products[].product_id or context.page.url", text)
	}
	var p path
	for rest := "." + text; rest != ""; {
		name, quoted := "", false
		switch {
		case strings.HasPrefix(rest, `["`):
			end := strings.Index(rest, `"]`)
			if end < 3 {
				return wrong()
			}
			name, rest, quoted = rest[2:end], rest[end+2:], true
		case rest[0] == '.':
			end := strings.IndexAny(rest[1:], ".[") + 1
			if end == 0 {
				end = len(rest)
			}
			name, rest = rest[1:end], rest[end:]
		}
		if name == "" || !quoted && strings.ContainsAny(name, "] \t\"'()") {
			return wrong()
		}
		step := pathStep{name: name}
		if after, ok := strings.CutPrefix(rest, "[]"); ok {
			step.each, rest = true, after
		}
		p.steps = append(p.steps, step)
	}
	if len(p.steps) > mostSegments {
		return path{}, fmt.Errorf("the path has %d names, the limit is %d", len(p.steps), mostSegments)
	}
	p.root = p.steps[0].name
	switch p.root {
	case "properties", "context", "page", "traits":
		if len(p.steps) < 2 || p.steps[0].each {
			return path{}, fmt.Errorf("%q names no value; go on to one, such as %s.name", text, p.root)
		}
	case "event", "source", "user_id", "anonymous_id", "group_id":
		if len(p.steps) > 1 || p.steps[0].each {
			return path{}, fmt.Errorf("%q: there is nothing inside %s, which is text", text, p.root)
		}
	default:
		return path{}, fmt.Errorf("%q does not begin with properties, context, page, traits, event, source, user_id, anonymous_id or group_id; is it properties.%s?", text, text)
	}
	p.steps = p.steps[1:]
	return p, nil
}

// String gives the canonical form.
func (p path) String() string {
	var b strings.Builder
	b.WriteString(p.root)
	for _, s := range p.steps {
		if strings.ContainsAny(s.name, ".[]\"") {
			b.WriteString(`["` + s.name + `"]`)
		} else {
			b.WriteString("." + s.name)
		}
		if s.each {
			b.WriteString("[]")
		}
	}
	return b.String()
}

// each calls f for every raw JSON value that the path leads to, in order. What is null
// is left out.
func (p path) each(in *eventInput, f func(raw []byte)) {
	o := in.root(p.root)
	if o == nil {
		return
	}
	walk(o.Lookup(p.steps[0].name), p.steps, f)
}

// walk goes on from the value of the first step.
func walk(raw []byte, steps []pathStep, f func(raw []byte)) {
	if len(raw) == 0 || raw[0] == 'n' {
		return
	}
	if steps[0].each {
		event.ForEachElement(raw, func(one []byte) bool {
			inside(one, steps[1:], f)
			return true
		})
		return
	}
	inside(raw, steps[1:], f)
}

func inside(raw []byte, steps []pathStep, f func(raw []byte)) {
	switch {
	case len(steps) > 0:
		walk(event.Lookup(raw, steps[0].name), steps, f)
	case raw[0] != 'n':
		f(raw)
	}
}

// text is the value of a root that is text, "" if it is none or there is none.
func (p path) text(in *eventInput) string {
	switch p.root {
	case "event":
		return in.m.Name
	case "source":
		return in.source
	case "user_id":
		return in.m.UserID
	case "anonymous_id":
		return in.m.AnonymousID
	case "group_id":
		if in.m.GroupID != "" {
			return in.m.GroupID
		}
		return in.m.ContextGroupID
	}
	return ""
}
