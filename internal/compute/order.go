package compute

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/spelling"
)

// audience compiles an audience.
func (c *compiler) audience(a *Audience) {
	at := "audiences." + a.Key
	p := c.planOf(a.For)
	n := &node{key: a.Key, kind: audienceNode, users: a.Users, anonymous: a.Anonymous, line: a.Line, path: at}
	if a.Users == "" {
		n.program = p.expression(n, a.When, at+".when", !a.Disabled)
	} else {
		// The users that fit are a hidden audience of theirs.
		users := c.planOf(identity.Users)
		m := &node{key: "@" + a.Key, kind: audienceNode, hidden: true, anonymous: true, line: a.Line, path: at}
		m.program = users.expression(m, a.When, at+".when", !a.Disabled)
		n.members = m.key
		if !a.Disabled {
			users.nodes["audiences."+m.key] = m
		}
	}
	if a.Disabled {
		p.disabled["audiences."+a.Key] = true
		return
	}
	p.nodes["audiences."+a.Key] = n
}

// expression compiles an expression on profiles, and the hidden traits in it if it is
// to be computed. A mistake is noted, and the program is nil then.
func (p *planCompiler) expression(n *node, text, at string, computed bool) cel.Program {
	wrong := func(err error) cel.Program {
		p.c.add(n.line, at, "%v", err)
		return nil
	}
	tree, err := parse(p.env, text)
	if err != nil {
		return wrong(err)
	}
	l, err := lift(tree, strings.TrimPrefix(n.key, "@"))
	if err != nil {
		return wrong(err)
	}
	before := len(p.c.list)
	for i := range l.hidden {
		t := &l.hidden[i]
		t.For, t.Of.Line, t.Line, t.Disabled = p.collection, n.line, n.line, !computed
		p.fields.traits[t.Key] = traitType(t.Kind, "")
		p.trait(t, true)
	}
	for i := range p.c.list[before:] {
		p.c.list[before+i].Path = at
	}
	for _, name := range l.traits {
		p.asked[name] = true
		p.known(name)
		n.needs = append(n.needs, "traits."+name)
	}
	for _, name := range l.audiences {
		n.needs = append(n.needs, "audiences."+name)
	}
	if n.text, err = cel.AstToString(tree); err != nil {
		n.text = text
	}
	program, _, err := check(p.env, tree, mostProfileSteps)
	if err != nil {
		return wrong(p.explainNames(err, l.audiences))
	}
	return program
}

// known lets a trait in that the space has seen.
func (p *planCompiler) known(name string) {
	if p.fields.traits[name] == nil && p.c.names.SetTraits != nil && p.c.names.SetTraits(p.collection, name) {
		p.fields.traits[name] = cel.DynType
	}
}

// explainNames says what to do about a name that is not known.
func (p *planCompiler) explainNames(err error, audiences []string) error {
	name := undefinedField.FindStringSubmatch(err.Error())
	if name == nil {
		return err
	}
	if slices.Contains(audiences, name[1]) {
		return fmt.Errorf("%w: there is no such audience of %s%s", err, p.collection, meant(name[1], slices.Sorted(maps.Keys(p.fields.audiences))))
	}
	known := slices.DeleteFunc(slices.Collect(maps.Keys(p.fields.traits)), func(key string) bool { return strings.HasPrefix(key, "@") })
	if p.c.names.Listed != nil {
		known = append(known, p.c.names.Listed(p.collection)...)
	}
	slices.Sort(known)
	return fmt.Errorf("%w: there is no such computed trait of %s, and no event sets it%s; if events will, name it in set_traits", err, p.collection, meant(name[1], known))
}

// meant asks whether a known name was meant.
func meant(name string, known []string) string {
	if near := spelling.Nearest(name, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

var undefinedField = regexp.MustCompile(`undefined field '([^']*)'`)

// finish puts the nodes into an order in which each comes after those that it needs.
func (p *planCompiler) finish() {
	const visiting, done = 1, 2
	state := map[string]int{}
	var trail []string
	var visit func(name string, from *node)
	visit = func(name string, from *node) {
		n := p.nodes[name]
		switch {
		case n == nil:
			if p.disabled[name] && from != nil {
				p.c.add(from.line, from.path, "it needs %s, which is disabled; enable that, or disable this too", name)
			}
			return
		case state[name] == done:
			return
		case state[name] == visiting:
			loop := append(trail[slices.Index(trail, name):], name)
			p.c.add(n.line, n.path, "it needs itself: %s", strings.Join(loop, " → "))
			return
		}
		state[name] = visiting
		trail = append(trail, name)
		for _, need := range n.needs {
			visit(need, n)
		}
		trail = trail[:len(trail)-1]
		state[name] = done
		*p.slot(name) = len(p.order)
		p.order = append(p.order, n)
	}
	names := slices.Sorted(maps.Keys(p.nodes))
	for _, name := range names {
		visit(name, nil)
	}
	// Traits first, then audiences, each by key.
	slices.SortStableFunc(names, func(a, b string) int { return int(p.nodes[a].kind) - int(p.nodes[b].kind) })
	for _, name := range names {
		if n := p.nodes[name]; !n.hidden {
			d := Definition{Key: n.key, Audience: n.kind == audienceNode, Collection: p.collection}
			p.describe(n, &d, map[string]bool{})
			d.slot = *p.slot(name)
			slices.Sort(d.Streams)
			d.Streams = slices.Compact(d.Streams)
			p.shown = append(p.shown, d)
			if !d.Audience {
				p.traits++
			}
		}
	}
}

// describe adds what a node depends on to a definition.
func (p *planCompiler) describe(n *node, d *Definition, seen map[string]bool) {
	if seen[n.path+n.key] {
		return
	}
	seen[n.path+n.key] = true
	d.Signature += "[" + strconv.Itoa(int(n.kind)) + " " + n.text + string(n.users) + strconv.FormatBool(n.anonymous)
	if n.kind == traitNode && len(p.folds) > 0 {
		f := p.plan.folds[n.fold]
		d.Signature += " " + f.describe(func(s *stream) string { return "(" + s.text + ")" })
		for _, s := range f.streams {
			d.Streams = append(d.Streams, s.id)
		}
	}
	d.Signature += "]"
	if n.members != "" {
		users := p.c.planOf(identity.Users)
		if m := users.nodes["audiences."+n.members]; m != nil {
			users.describe(m, d, seen)
		}
	}
	for _, need := range n.needs {
		if m := p.nodes[need]; m != nil {
			p.describe(m, d, seen)
		}
	}
}
