package compute

import (
	"fmt"
	"slices"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"

	"github.com/selfsame-id/selfsame/internal/event"
)

// eventCalls are the functions with which an expression on profiles counts events.
var eventCalls = map[string]event.Type{"events": event.Track, "pages": event.Page, "screens": event.Screen}

// lifter takes the counting of events out of an expression:
//
//	events("Order Completed", price > 50).within("7d").count() >= 1
//
// becomes traits.@key.1 >= 1, and the hidden trait that it names is returned.
type lifter struct {
	tree   *cel.Ast
	key    string // of the definition
	hidden []Trait
	// uses are the names of traits and audiences that are asked about.
	traits, audiences []string

	factory ast.ExprFactory
	ids     int64           // the last ID of a node
	loops   map[string]bool // names of variables of loops
	err     error
}

func lift(tree *cel.Ast, key string) (*lifter, error) {
	l := &lifter{tree: tree, key: key, factory: ast.NewExprFactory(), ids: ast.MaxID(tree.NativeRep()), loops: map[string]bool{}}
	root := tree.NativeRep().Expr()
	ast.PostOrderVisit(root, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.ComprehensionKind {
			l.loops[e.AsComprehension().IterVar()] = true
			l.loops[e.AsComprehension().IterVar2()] = true
		}
	}))
	ast.PreOrderVisit(root, ast.NewExprVisitor(l.visit))
	if l.err == nil {
		ast.PostOrderVisit(root, ast.NewExprVisitor(l.gather))
	}
	return l, l.err
}

func (l *lifter) fail(e ast.Expr, format string, args ...any) {
	if l.err == nil {
		at := l.tree.NativeRep().SourceInfo().GetStartLocation(e.ID())
		l.err = fmt.Errorf("column %d: %s", at.Column()+1, fmt.Sprintf(format, args...))
	}
}

// id is the ID of a new node that takes the place of a part of e.
func (l *lifter) id(e ast.Expr) int64 {
	l.ids++
	info := l.tree.NativeRep().SourceInfo()
	if at, ok := info.GetOffsetRange(e.ID()); ok {
		info.SetOffsetRange(l.ids, at)
	}
	return l.ids
}

// visit replaces a whole chain that begins with events(…).
func (l *lifter) visit(e ast.Expr) {
	if l.err != nil || e.Kind() != ast.CallKind {
		return
	}
	base := chainBase(e)
	if base == nil {
		return
	}
	t := Trait{Key: fmt.Sprintf("@%s.%d", l.key, len(l.hidden)+1), Least: 1}
	if l.method(e, &t) && l.source(base, &t) {
		l.hidden = append(l.hidden, t)
		e.SetKindCase(l.factory.NewSelect(e.ID(), l.factory.NewIdent(l.id(e), "traits"), t.Key))
	}
}

// chainBase returns the call of events(…) that a chain of method calls begins with, nil
// if it begins otherwise.
func chainBase(e ast.Expr) ast.Expr {
	for e.Kind() == ast.CallKind {
		call := e.AsCall()
		if !call.IsMemberFunction() {
			if _, ok := eventCalls[call.FunctionName()]; ok {
				return e
			}
			return nil
		}
		e = call.Target()
	}
	return nil
}

// method reads the methods of the chain, the last first.
func (l *lifter) method(e ast.Expr, t *Trait) bool {
	const ends = `end it with count(), or with sum("properties.price"), average, minimum, maximum, first, last, most_frequent, unique_list or unique_count`
	call := e.AsCall()
	kind := Kind(call.FunctionName())
	switch {
	case !call.IsMemberFunction() || !slices.Contains(baseKinds, kind):
		l.fail(e, "%s(…) is no value yet; %s", call.FunctionName(), ends)
		return false
	case len(call.Args()) > 1 || kind != Count && len(call.Args()) == 0:
		l.fail(e, `%s needs the path of a property, such as %s("properties.price")`, kind, kind)
		return false
	}
	if t.Kind = kind; len(call.Args()) == 1 {
		property, ok := literalText(call.Args()[0])
		if !ok {
			l.fail(e, `write the property in quotes, such as %s("properties.price")`, kind)
			return false
		}
		t.Of.Property = property
	}
	for e = call.Target(); e.AsCall().IsMemberFunction(); e = e.AsCall().Target() {
		if !l.window(e, &t.Window) {
			return false
		}
	}
	return true
}

// window reads .within("7d") and .between("30d", "7d").
func (l *lifter) window(e ast.Expr, w *Window) bool {
	call := e.AsCall()
	lengths := make([]time.Duration, len(call.Args()))
	for i, arg := range call.Args() {
		text, quoted := literalText(arg)
		var ok bool
		if lengths[i], ok = ParseDuration(text); !ok || !quoted {
			l.fail(e, `write a length of time in quotes, such as "7d"`)
			return false
		}
	}
	switch {
	case !w.IsZero():
		l.fail(e, "only one window can be given")
		return false
	case call.FunctionName() == "within" && len(lengths) == 1:
		w.Length = lengths[0]
	case call.FunctionName() == "between" && len(lengths) == 2 && lengths[0] > lengths[1]:
		w.Length, w.Skip = lengths[0], lengths[1]
	default:
		l.fail(e, `.%s is not known here; write .within("7d"), or .between("30d", "7d") with the length that is further back first`, call.FunctionName())
		return false
	}
	return true
}

// source reads events("Order Completed", price > 50).
func (l *lifter) source(e ast.Expr, t *Trait) bool {
	call := e.AsCall()
	args := call.Args()
	if len(args) < 1 || len(args) > 2 {
		l.fail(e, `write the event and, if need be, a condition: %s("Order Completed", price > 50)`, call.FunctionName())
		return false
	}
	names := []ast.Expr{args[0]}
	if args[0].Kind() == ast.ListKind {
		names = args[0].AsList().Elements()
	}
	for _, one := range names {
		name, ok := literalText(one)
		if !ok || name == "" {
			l.fail(e, `write the name of the event in quotes, or a list of names: %s("Order Completed")`, call.FunctionName())
			return false
		}
		t.Of.Events = append(t.Of.Events, name)
	}
	slices.Sort(t.Of.Events)
	t.Of.Events = slices.Compact(t.Of.Events)
	t.Of.Calls = []event.Type{eventCalls[call.FunctionName()]}
	if len(args) == 2 {
		return l.condition(args[1], t)
	}
	return true
}

// condition takes the condition on the events as text.
func (l *lifter) condition(e ast.Expr, t *Trait) bool {
	own := map[string]bool{}
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.ComprehensionKind {
			own[e.AsComprehension().IterVar()] = true
			own[e.AsComprehension().IterVar2()] = true
		}
	}))
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.IdentKind && l.loops[e.AsIdent()] && !own[e.AsIdent()] {
			l.fail(e, "%q is of a loop around events(…), which cannot be asked about inside it", e.AsIdent())
		}
	}))
	if l.err != nil {
		return false
	}
	text, err := parser.Unparse(e, l.tree.NativeRep().SourceInfo())
	if err != nil {
		l.fail(e, "this condition cannot be read; write it more simply")
		return false
	}
	t.Of.Where = text
	return true
}

// gather notes which traits and audiences are asked about, and makes the question
// whether there is an identifier of a type one about its list.
func (l *lifter) gather(e ast.Expr) {
	if e.Kind() != ast.SelectKind || e.AsSelect().Operand().Kind() != ast.IdentKind {
		return
	}
	s := e.AsSelect()
	switch s.Operand().AsIdent() {
	case "traits":
		l.traits = append(l.traits, s.FieldName())
	case "audiences":
		l.audiences = append(l.audiences, s.FieldName())
	case "identifiers":
		if s.IsTestOnly() {
			f := l.factory
			list := f.NewSelect(l.id(e), f.NewIdent(l.id(e), "identifiers"), s.FieldName())
			e.SetKindCase(f.NewCall(e.ID(), operators.Greater, f.NewCall(l.id(e), "size", list), f.NewLiteral(l.id(e), types.IntZero)))
		}
	}
}
