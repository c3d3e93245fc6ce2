package compute

import (
	"github.com/selfsame-id/selfsame/internal/compute/values"

	"reflect"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
)

// Input is what a profile is, beside its rows.
type Input struct {
	Collection identity.Collection
	// Traits are those that events set, without computed ones; removed ones are left
	// out. They are of now.
	Traits      profile.Traits
	Identifiers []profile.Identifier
	// Consent is by category; nil if the profile never said anything.
	Consent map[string]bool
	// Users is how many users an account has, and Members how many of them are in an
	// audience, by its key in Result.Hidden. Only read of accounts.
	Users   int
	Members func(audience string) int
}

// Result is what Eval computes. Its lists are in the order of Set.Definitions. What it
// holds may be shared with the memo, and must not be changed.
type Result struct {
	Traits    []TraitValue
	Audiences []Membership
	// Hidden are the audiences of users that audiences of accounts count.
	Hidden []Membership
	// Next is the next moment at which anything here can change though no event comes
	// and nothing in Input changes, in nanoseconds since 1970; 0 for never. It is after
	// the moment of evaluation.
	Next int64
	// Problems are why conditions did not hold, and expressions failed.
	Problems []KeyProblem
}

// TraitValue is the value of a computed trait.
type TraitValue struct {
	Key  string
	JSON []byte // nil if it has none
	// Cut says that the value is a list of which only the first entries are there.
	Cut bool
}

// Membership says whether a profile is in an audience.
type Membership struct {
	Key string
	In  bool
}

// KeyProblem is a problem of the expression of a definition.
type KeyProblem struct {
	Key     string
	Problem Problem
}

// Eval computes the values of a profile as of now, in nanoseconds since 1970, out of all
// its rows. What it answers depends on its arguments only.
//
// A trait that was never matched has no value; in expressions it is 0 or an empty list
// if its kind counts, adds or lists, else a condition on it does not hold. When a window has become empty, or
// nothing came since, counts and sums are 0 and others have no value. An error is from
// rows, or ErrCorrupt.
func (s *Set) Eval(rows Rows, in *Input, now int64) (Result, error) {
	return s.NewMemo(in.Collection).Eval(rows, in, now)
}

// evaluate computes the definitions of a plan out of the values of its folds.
func (p *plan) evaluate(folded []result, in *Input, now int64) Result {
	e := &evaluation{in: in, now: now, values: make([]values.Value, len(p.order))}
	var out Result
	for i, n := range p.order {
		v := &e.values[i]
		if n.kind == traitNode {
			*v = folded[n.fold].Value
			e.next = sooner(e.next, folded[n.fold].next)
			if n.program != nil && !e.run(n, &out) {
				*v = values.Value{}
			}
			if v.CEL == nil {
				v.CEL = n.absent
			}
			continue
		}
		in := e.belongs(n, &out)
		if v.CEL = types.Bool(in); n.hidden {
			out.Hidden = append(out.Hidden, Membership{n.key, in})
		}
	}
	out.Traits = make([]TraitValue, 0, p.traits)
	out.Audiences = make([]Membership, 0, len(p.shown)-p.traits)
	for i := range p.shown {
		switch d := &p.shown[i]; {
		case d.Audience:
			out.Audiences = append(out.Audiences, Membership{d.Key, e.member(d.slot)})
		default:
			v := &e.values[d.slot]
			out.Traits = append(out.Traits, TraitValue{d.Key, v.JSON, v.Cut})
		}
	}
	out.Next = e.next
	return out
}

// evaluation is what expressions on a profile see. It is the value of traits and
// audiences, whose fields environment.go reads, and of the clock.
type evaluation struct {
	in     *Input
	now    int64
	values []values.Value // of the nodes, in order; of an audience whether the profile is in
	next   int64

	identifiers ref.Val
	consent     ref.Val
}

// member reports whether the profile is in the audience of a slot.
func (e *evaluation) member(slot int) bool { return slot >= 0 && e.values[slot].CEL == types.True }

// run evaluates the expression of a node.
func (e *evaluation) run(n *node, out *Result) bool {
	result, _, err := n.program.Eval(e)
	holds, problem := verdict(result, err)
	if problem != None {
		out.Problems = append(out.Problems, KeyProblem{n.key, problem})
	}
	return holds
}

// belongs reports whether the profile is in an audience.
func (e *evaluation) belongs(n *node, out *Result) bool {
	if n.users == "" {
		return (n.anonymous || e.named()) && e.run(n, out)
	}
	members := 0
	if e.in.Members != nil {
		members = e.in.Members(n.members)
	}
	switch n.users {
	case AllUsers:
		return e.in.Users > 0 && members >= e.in.Users
	case NoUser:
		return members == 0
	}
	return members > 0
}

// named reports whether the profile has an ID by which a person can be reached.
func (e *evaluation) named() bool {
	for i := range e.in.Identifiers {
		switch e.in.Identifiers[i].Type {
		case "user_id", "email", "ios.idfa", "android.idfa":
			return true
		}
	}
	return false
}

// hasTrait reports whether a trait has a value.
func (e *evaluation) hasTrait(slot int, key string) bool {
	if slot >= 0 {
		return e.values[slot].JSON != nil
	}
	t, there := e.in.Traits.Get(key)
	return there && !t.Removed()
}

// trait is the value of a trait, nil if it has none. One that is not computed has the
// slot -1.
func (e *evaluation) trait(slot int, key string) ref.Val {
	if slot >= 0 {
		return e.values[slot].CEL
	}
	t, there := e.in.Traits.Get(key)
	if !there || t.Removed() {
		return nil
	}
	return values.ValueOf(t.Value)
}

// ResolveName implements cel.Activation.
func (e *evaluation) ResolveName(name string) (any, bool) {
	switch name {
	case "traits", "audiences", clockName:
		return e, true
	case "identifiers":
		if e.identifiers == nil {
			lists := map[string][]string{}
			for i := range e.in.Identifiers {
				id := &e.in.Identifiers[i]
				lists[id.Type] = append(lists[id.Type], id.Value)
			}
			e.identifiers = defaultMap{asMap(lists), types.NewStringList(types.DefaultTypeAdapter, nil)}
		}
		return e.identifiers, true
	case "consent":
		if e.consent == nil {
			e.consent = defaultMap{asMap(e.in.Consent), types.False}
		}
		return e.consent, true
	}
	return nil, false
}

// Parent implements cel.Activation.
func (e *evaluation) Parent() cel.Activation { return nil }

// ConvertToNative implements ref.Val.
func (e *evaluation) ConvertToNative(reflect.Type) (any, error) { return e, nil }

// ConvertToType implements ref.Val.
func (e *evaluation) ConvertToType(ref.Type) ref.Val { return types.MaybeNoSuchOverloadErr(e) }

// Equal implements ref.Val.
func (e *evaluation) Equal(other ref.Val) ref.Val { return types.Bool(other == ref.Val(e)) }

// Type implements ref.Val.
func (e *evaluation) Type() ref.Type { return types.NewObjectType(traitsType) }

// Value implements ref.Val.
func (e *evaluation) Value() any { return e }

func asMap[V any](m map[string]V) traits.Mapper {
	return types.NewDynamicMap(types.DefaultTypeAdapter, m)
}

// defaultMap is a map that has a value for every key.
type defaultMap struct {
	traits.Mapper
	value ref.Val
}

// Find implements traits.Mapper.
func (m defaultMap) Find(key ref.Val) (ref.Val, bool) {
	if v, found := m.Mapper.Find(key); found {
		return v, true
	}
	return m.value, true
}

// Get implements traits.Indexer.
func (m defaultMap) Get(key ref.Val) ref.Val {
	v, _ := m.Find(key)
	return v
}
