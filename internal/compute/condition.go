package compute

import (
	"github.com/selfsame-id/selfsame/internal/compute/values"

	"fmt"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/selfsame-id/selfsame/internal/event"
)

// condition is a compiled `where`: it holds, or not, when the event comes. It is safe
// for concurrent use.
type condition struct {
	text    string // canonical
	program cel.Program
}

// eventNames are what conditions on events can ask about, and traits, which are the
// event's own, of identify and group calls.
var eventNames = map[string]*cel.Type{
	"properties":  cel.MapType(cel.StringType, cel.DynType),
	"context":     cel.MapType(cel.StringType, cel.DynType),
	"page":        cel.MapType(cel.StringType, cel.DynType),
	"identifiers": cel.MapType(cel.StringType, cel.StringType),
	"event":       cel.StringType,
	"type":        cel.StringType,
	"source":      cel.StringType,
	"page_name":   cel.StringType,
	"screen_name": cel.StringType,
}

// conditionCompiler compiles conditions on events.
type conditionCompiler struct {
	env    *cel.Env
	traits *cel.Env // with the event's traits
}

func newConditionCompiler() (*conditionCompiler, error) {
	options := expressions()
	for name, t := range eventNames {
		options = append(options, cel.Variable(name, t))
	}
	env, err := cel.NewCustomEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("compute: the environment of conditions: %w", err)
	}
	with, err := env.Extend(cel.Variable("traits", cel.MapType(cel.StringType, cel.DynType)))
	if err != nil {
		return nil, fmt.Errorf("compute: the environment of conditions: %w", err)
	}
	return &conditionCompiler{env, with}, nil
}

// compile compiles a condition on events of some calls. With bare set, a name that is
// not known stands for a property of the event.
func (c *conditionCompiler) compile(text string, calls []event.Type, bare bool) (*condition, error) {
	env := c.env
	if slices.Contains(calls, event.Identify) || slices.Contains(calls, event.Group) {
		env = c.traits
	}
	tree, err := parse(env, text)
	if err != nil {
		return nil, err
	}
	free := freeNames(tree)
	switch {
	case free["traits"] && env == c.env:
		return nil, fmt.Errorf("traits of the profile cannot be asked about here, where only the event is known; put what is about traits into `if` or into an audience")
	case bare:
		var options []cel.EnvOption
		for name := range free {
			if eventNames[name] == nil && name != "traits" && !typeNames[name] {
				options = append(options, cel.Variable(name, cel.DynType))
			}
		}
		if env, err = env.Extend(options...); err != nil {
			return nil, err
		}
		if tree, err = parse(env, text); err != nil {
			return nil, err
		}
	}
	canonical, err := cel.AstToString(tree)
	if err != nil {
		return nil, err
	}
	program, _, err := check(env, tree, mostConditionSteps)
	if err != nil {
		return nil, err
	}
	return &condition{canonical, program}, nil
}

// typeNames are names that stand for types.
var typeNames = map[string]bool{
	"bool": true, "bytes": true, "double": true, "int": true, "list": true, "map": true,
	"null_type": true, "string": true, "type": true, "uint": true,
}

// freeNames are the names in an expression that are not its own loops' variables.
func freeNames(tree *cel.Ast) map[string]bool {
	names, bound := map[string]bool{}, map[string]bool{}
	ast.PostOrderVisit(tree.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.IdentKind:
			names[e.AsIdent()] = true
		case ast.ComprehensionKind:
			c := e.AsComprehension()
			bound[c.IterVar()], bound[c.AccuVar()] = true, true
			if c.HasIterVar2() {
				bound[c.IterVar2()] = true
			}
		}
	}))
	for name := range bound {
		delete(names, name)
	}
	return names
}

// holds evaluates the condition. problem says why it could not be, "" if it could; it
// does not hold then.
func (c *condition) holds(in *eventInput) (holds bool, problem Problem) {
	out, _, err := c.program.Eval(in)
	return verdict(out, err)
}

// verdict reads the result of a program.
func verdict(out ref.Val, err error) (holds bool, problem Problem) {
	switch b, ok := out.(types.Bool); {
	case err != nil:
		return false, problemOf(err)
	case !ok:
		return false, WrongType
	default:
		return bool(b), None
	}
}

// eventInput is an event as conditions and paths see it. Its objects are read when
// they are first asked about.
type eventInput struct {
	m      *event.Message
	source string

	properties, traits, context, page values.Object

	hasContext bool // context and page are set
}

func (in *eventInput) reset(m *event.Message, source string) {
	in.m, in.source, in.hasContext = m, source, false
	in.properties.Reset(m.Properties)
	in.traits.Reset(m.Traits)
}

// mostKeptMembers is how much memory is kept for the members of an object.
const mostKeptMembers = 256

// drop lets go of the event's memory.
func (in *eventInput) drop() {
	in.m, in.source = nil, ""
	for _, o := range [...]*values.Object{&in.properties, &in.traits, &in.context, &in.page} {
		if clear(o.Members); cap(o.Members) > mostKeptMembers {
			o.Members = nil
		}
		o.Reset(nil)
	}
}

func (in *eventInput) needContext() {
	if in.hasContext {
		return
	}
	in.hasContext = true
	raw := event.Lookup(in.m.Body, "context")
	if (raw == nil || raw[0] == 'n') && in.m.Inherited != nil {
		raw = in.m.Inherited.Context
	}
	in.context.Reset(raw)
	in.page.Reset(in.context.Lookup("page"))
}

// root is the object of a name, nil if there is none.
func (in *eventInput) root(name string) *values.Object {
	switch name {
	case "properties":
		return &in.properties
	case "traits":
		return &in.traits
	case "context":
		in.needContext()
		return &in.context
	case "page":
		in.needContext()
		return &in.page
	}
	return nil
}

// ResolveName implements cel.Activation.
func (in *eventInput) ResolveName(name string) (any, bool) {
	if o := in.root(name); o != nil {
		return o, true
	}
	switch name {
	case "event":
		return types.String(in.m.Name), true
	case "type":
		return types.String(in.m.Type.String()), true
	case "source":
		return types.String(in.source), true
	case "page_name":
		return types.String(nameOf(in.m, event.Page)), true
	case "screen_name":
		return types.String(nameOf(in.m, event.Screen)), true
	case "identifiers":
		return in.identifiers(), true
	}
	v := values.ValueOf(in.properties.Lookup(name))
	return v, v != nil
}

func nameOf(m *event.Message, call event.Type) string {
	if m.Type != call {
		return ""
	}
	return m.Name
}

// identifiers are the event's own.
func (in *eventInput) identifiers() map[string]string {
	out := map[string]string{}
	put := func(name string, values ...string) {
		for _, v := range values {
			if v != "" {
				out[name] = v
				return
			}
		}
	}
	put("user_id", in.m.UserID)
	put("anonymous_id", in.m.AnonymousID)
	put("group_id", in.m.GroupID, in.m.ContextGroupID)
	if in.m.Type != event.Group {
		put("email", in.m.TraitsEmail)
	}
	put("email", in.m.ContextTraitsEmail, in.m.PropertiesEmail)
	return out
}

// Parent implements cel.Activation.
func (in *eventInput) Parent() cel.Activation { return nil }
