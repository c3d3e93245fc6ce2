package compute

import (
	"github.com/selfsame-id/selfsame/internal/compute/values"

	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// Names says which names a space knows, so that a name that was mistyped is found.
type Names struct {
	// SetTraits reports whether an event ever set a trait of a name on a user or an
	// account. Nil: any name may be asked about.
	SetTraits func(c identity.Collection, name string) bool
	// Listed lists such names, to find the one that was meant; it may be nil.
	Listed func(c identity.Collection) []string
}

// compiler makes a Set of a document.
type compiler struct {
	mistakes
	doc        *Document
	names      Names
	set        *Set
	where      *conditionCompiler
	byText     map[string]*stream
	conditions map[string]int
	plans      [2]*planCompiler
}

// planCompiler makes the plan of one collection.
type planCompiler struct {
	*plan
	c          *compiler
	collection identity.Collection
	fields     *fieldProvider
	env        *cel.Env
	nodes      map[string]*node // traits and audiences, by name, such as traits.orders
	slots      map[string]*int  // where evaluation has their values
	folds      map[string]int
	disabled   map[string]bool
}

// Compile compiles a document. known are the streams that have numbers; new ones get
// the next, and Set.Streams has them all. An error is Mistakes, unless the environment
// of expressions cannot be made.
func Compile(doc *Document, known Streams, names Names) (*Set, error) {
	c := &compiler{
		doc: doc, names: names,
		set:    &Set{numbers: known.clone(), byID: map[StreamID]*stream{}},
		byText: map[string]*stream{}, conditions: map[string]int{},
	}
	var err error
	if c.where, err = newConditionCompiler(); err != nil {
		return nil, err
	}
	for i, one := range []identity.Collection{identity.Users, identity.Accounts} {
		if c.plans[i], err = c.newPlan(one); err != nil {
			return nil, err
		}
	}
	c.keysOnce()
	for i := range doc.Traits {
		c.planOf(doc.Traits[i].For).trait(&doc.Traits[i], false)
	}
	for i := range doc.Audiences {
		c.audience(&doc.Audiences[i])
	}
	for _, p := range c.plans {
		p.finish()
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	slices.SortFunc(c.set.streams, func(a, b *stream) int { return int(a.id) - int(b.id) })
	for i, s := range c.set.streams {
		s.index = i
	}
	for t := range c.set.calls {
		c.set.calls[t] = newIndex(c.set.streams, event.Type(t))
	}
	return c.set, nil
}

func (c *compiler) planOf(of identity.Collection) *planCompiler {
	if of == identity.Accounts {
		return c.plans[1]
	}
	return c.plans[0]
}

// keysOnce notes keys that are of two definitions.
func (c *compiler) keysOnce() {
	traits := map[string]bool{}
	for i := range c.doc.Traits {
		traits[c.doc.Traits[i].Key] = true
	}
	for i := range c.doc.Audiences {
		if a := &c.doc.Audiences[i]; traits[a.Key] {
			c.add(a.Line, "audiences."+a.Key, "there is a trait of this key; choose another, for destinations hear both by their keys")
		}
	}
}

func (c *compiler) newPlan(of identity.Collection) (*planCompiler, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, fmt.Errorf("compute: types: %w", err)
	}
	p := &planCompiler{
		plan: c.set.plan(of), c: c, collection: of,
		fields: &fieldProvider{
			Registry: registry, traits: map[string]*cel.Type{}, audiences: map[string]bool{}, open: c.names.SetTraits == nil,
		},
		nodes: map[string]*node{}, slots: map[string]*int{}, folds: map[string]int{}, disabled: map[string]bool{},
	}
	p.fields.slot = p.slot
	p.roles, p.asked = map[StreamID][]role{}, map[string]bool{}
	for name, t := range c.doc.SetTraits {
		p.fields.traits[name] = setType(t)
	}
	for i := range c.doc.Traits {
		if t := &c.doc.Traits[i]; t.For == of {
			p.fields.traits[t.Key] = traitType(t.Kind, t.OfKind)
		}
	}
	for i := range c.doc.Audiences {
		if a := &c.doc.Audiences[i]; a.For == of {
			p.fields.audiences[a.Key] = true
		}
	}
	p.env, err = newEnvironment(p.fields)
	return p, err
}

// slot is the place of a trait or audience among the nodes in order, -1 if it is none
// of these. It is set when the order is known.
func (p *planCompiler) slot(name string) *int {
	at := p.slots[name]
	if at == nil {
		at = new(int)
		*at = -1
		p.slots[name] = at
	}
	return at
}

func setType(t ValueType) *cel.Type {
	switch t {
	case StringValue:
		return cel.StringType
	case NumberValue:
		return cel.DoubleType
	case BooleanValue:
		return cel.BoolType
	case ListValue:
		return cel.ListType(cel.DynType)
	}
	return cel.DynType
}

// traitType is the type of a kind's values in expressions.
func traitType(kind, of Kind) *cel.Type {
	switch kind {
	case Since:
		return traitType(of, "")
	case Sum, Average, Minimum, Maximum:
		return cel.DoubleType
	case First, Last:
		return cel.DynType
	case MostFrequent:
		return cel.StringType
	case UniqueList, Unmatched:
		return cel.ListType(cel.StringType)
	}
	return cel.IntType
}

// absentOf is what a kind's value is in expressions when there is none; nil: none.
func absentOf(kind, of Kind) ref.Val {
	switch kind {
	case Since:
		return absentOf(of, "")
	case Count, UniqueCount, Funnel:
		return types.IntZero
	case Sum:
		return types.Double(0)
	case UniqueList, Unmatched:
		return values.ListValue(nil, false).CEL
	}
	return nil
}

// trait compiles a trait. A hidden one is part of an audience, whose line and path its
// mistakes have.
func (p *planCompiler) trait(t *Trait, hidden bool) {
	at := "traits." + t.Key
	f := &foldSpec{kind: t.Kind, ofKind: t.OfKind, least: t.Least, ever: t.Ever, within: t.Within, measure: t.Measure, window: t.Window}
	var good bool
	switch t.Kind {
	case Since:
		good = p.streams(f, at,
			part{&t.Of, t.OfKind, ".of"}, part{&t.Other, Count, ".last"})
	case Unmatched:
		good = p.streams(f, at, part{&t.Of, Unmatched, ""}, part{&t.Other, Unmatched, ".without"})
	case Funnel:
		parts := make([]part, len(t.Steps))
		for i := range t.Steps {
			parts[i] = part{&t.Steps[i], Funnel, fmt.Sprintf(".steps[%d]", i)}
		}
		good = p.streams(f, at, parts...)
	default:
		good = p.streams(f, at, part{&t.Of, t.Kind, ""})
	}
	n := &node{key: t.Key, kind: traitNode, hidden: hidden, absent: absentOf(t.Kind, t.OfKind), line: t.Line, path: at}
	if t.If != "" {
		n.program = p.expression(n, t.If, at+".if", !t.Disabled)
	}
	if t.Disabled {
		p.disabled["traits."+t.Key] = true
		return
	}
	if good {
		n.fold = p.fold(f)
	}
	p.nodes["traits."+t.Key] = n
}

// fold returns the index of a fold, a new one if there is none that is equal. Streams
// come into use by it.
func (p *planCompiler) fold(f *foldSpec) int {
	for i, s := range f.streams {
		f.streams[i] = p.c.use(s)
	}
	f.text = f.canonical()
	at, ok := p.folds[f.text]
	if ok {
		return at
	}
	at = len(p.plan.folds)
	p.folds[f.text], p.plan.folds = at, append(p.plan.folds, f)
	for no, s := range f.streams {
		p.roles[s.id] = append(p.roles[s.id], role{at, no})
	}
	return at
}

// part is a selection of a trait, and the kind that says what is taken of it.
type part struct {
	*Selection
	kind Kind
	path string
}

// streams compiles the streams of a fold; false if there is a mistake.
func (p *planCompiler) streams(f *foldSpec, at string, parts ...part) bool {
	good := true
	for _, one := range parts {
		s := p.c.stream(one.Selection, one.kind, p.collection, at+one.path, strings.HasPrefix(at, "traits.@"))
		if good = good && s != nil; s != nil {
			f.streams = append(f.streams, s)
		}
	}
	return good
}

// stream compiles what a selection takes; nil if there is a mistake. hidden is of an
// audience's own.
func (c *compiler) stream(sel *Selection, kind Kind, of identity.Collection, at string, hidden bool) *stream {
	before := len(c.list)
	s := &stream{collection: of, events: sel.Events, condition: -1, take: takeOf(kind, sel.Property)}
	for _, t := range sel.Calls {
		s.calls |= 1 << t
	}
	if slices.Contains(s.events, "*") {
		s.events = nil
	}
	for _, name := range s.events {
		if isGlob(name) {
			s.globs = append(s.globs, name)
		}
	}
	if s.take != takeNothing {
		var err error
		if s.path, err = parsePath(sel.Property); err != nil {
			c.add(sel.Line, at+".property", "%v", err)
		}
	}
	where := ""
	if sel.Where != "" {
		one, err := c.where.compile(sel.Where, sel.Calls, hidden)
		if err != nil {
			c.add(sel.Line, at+".where", "%v", err)
		} else {
			s.condition, where = c.condition(one), one.text
		}
	}
	if len(c.list) > before {
		return nil
	}
	s.text = s.canonical(where)
	return s
}

// condition returns the index of a condition.
func (c *compiler) condition(one *condition) int {
	at, ok := c.conditions[one.text]
	if !ok {
		at = len(c.set.conditions)
		c.conditions[one.text] = at
		c.set.conditions = append(c.set.conditions, one)
	}
	return at
}

// use gives a stream its number, or returns the one that is equal.
func (c *compiler) use(s *stream) *stream {
	if same := c.byText[s.text]; same != nil {
		return same
	}
	s.id = c.set.numbers.number(s.text)
	c.byText[s.text], c.set.byID[s.id] = s, s
	c.set.streams = append(c.set.streams, s)
	return s
}
