package compute

import (
	"fmt"
	"maps"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Names of the types and hidden names of expressions on profiles.
const (
	traitsType    = "selfsame.Traits"
	audiencesType = "selfsame.Audiences"
	clockName     = "@clock"
	lastName      = "@within_last"
	nextName      = "@within_next"
)

// fieldProvider gives expressions on profiles the fields of traits and audiences.
type fieldProvider struct {
	*types.Registry
	traits    map[string]*cel.Type
	audiences map[string]bool
	slot      func(name string) *int
	// open lets traits in that are not known, of any type.
	open bool
}

// FindStructType implements types.Provider.
func (p *fieldProvider) FindStructType(name string) (*types.Type, bool) {
	if name == traitsType || name == audiencesType {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Registry.FindStructType(name)
}

// FindStructFieldNames implements types.Provider.
func (p *fieldProvider) FindStructFieldNames(name string) ([]string, bool) {
	switch name {
	case traitsType:
		return slices.Sorted(maps.Keys(p.traits)), true
	case audiencesType:
		return slices.Sorted(maps.Keys(p.audiences)), true
	}
	return p.Registry.FindStructFieldNames(name)
}

// FindStructFieldType implements types.Provider.
func (p *fieldProvider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	switch name {
	case traitsType:
		t := p.traits[field]
		if t == nil && p.open {
			t = cel.DynType
		}
		return p.traitField(t, field), t != nil
	case audiencesType:
		return p.audienceField(field), p.audiences[field]
	}
	return p.Registry.FindStructFieldType(name, field)
}

func (p *fieldProvider) traitField(t *cel.Type, key string) *types.FieldType {
	slot := p.slot("traits." + key)
	return &types.FieldType{
		Type:  t,
		IsSet: func(target any) bool { return target.(*evaluation).hasTrait(*slot, key) },
		GetFrom: func(target any) (any, error) {
			if v := target.(*evaluation).trait(*slot, key); v != nil {
				return v, nil
			}
			return nil, fmt.Errorf("no such key: %s", key)
		},
	}
}

func (p *fieldProvider) audienceField(key string) *types.FieldType {
	slot := p.slot("audiences." + key)
	return &types.FieldType{
		Type:    cel.BoolType,
		IsSet:   func(any) bool { return true },
		GetFrom: func(target any) (any, error) { return types.Bool(target.(*evaluation).member(*slot)), nil },
	}
}

// newEnvironment makes the environment of expressions on profiles.
func newEnvironment(p *fieldProvider) (*cel.Env, error) {
	clock := cel.ObjectType(traitsType)
	duringArgs := []*cel.Type{clock, cel.DynType, cel.IntType}
	options := append(expressions(),
		cel.CustomTypeProvider(p), cel.CustomTypeAdapter(p.Registry),
		cel.Variable("traits", cel.ObjectType(traitsType)),
		cel.Variable("audiences", cel.ObjectType(audiencesType)),
		cel.Variable("identifiers", cel.MapType(cel.StringType, cel.ListType(cel.StringType))),
		cel.Variable("consent", cel.MapType(cel.StringType, cel.BoolType)),
		cel.Variable(clockName, clock),
		cel.Macros(during("within_last", lastName), during("within_next", nextName)),
		cel.Function(lastName, cel.Overload(lastName, duringArgs, cel.BoolType, cel.FunctionBinding(withinLast))),
		cel.Function(nextName, cel.Overload(nextName, duringArgs, cel.BoolType, cel.FunctionBinding(withinNext))),
	)
	env, err := cel.NewCustomEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("compute: the environment of expressions: %w", err)
	}
	return env, nil
}

// during is the macro of a function that asks whether a time is near now.
func during(name, function string) cel.Macro {
	return cel.GlobalMacro(name, 2, func(f cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
		length, ok := literalText(args[1])
		d, good := ParseDuration(length)
		if !ok || !good {
			return nil, f.NewError(args[1].ID(), `write a length of time in quotes, such as "30d"`)
		}
		return f.NewCall(function, f.NewIdent(clockName), args[0], f.NewLiteral(types.Int(d))), nil
	})
}

func literalText(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

// withinLast reports whether a time is not after now and at most a length before it.
// It tells the evaluation when that changes.
func withinLast(args ...ref.Val) ref.Val {
	return within(args, func(t, length int64) (from, to int64) { return t, t + length + 1 })
}

// withinNext reports whether a time is not before now and at most a length after it.
func withinNext(args ...ref.Val) ref.Val {
	return within(args, func(t, length int64) (from, to int64) { return t - length, t + 1 })
}

// within reports whether now is between the moments that span gives for a time.
func within(args []ref.Val, span func(t, length int64) (from, to int64)) ref.Val {
	e, isClock := args[0].(*evaluation)
	length, isLength := args[2].(types.Int)
	if !isClock || !isLength {
		return types.MaybeNoSuchOverloadErr(args[0])
	}
	v := readTime(args[1])
	t, ok := v.(types.Timestamp)
	if !ok {
		return v
	}
	from, to := span(t.UnixNano(), int64(length))
	switch {
	case e.now < from:
		e.next = sooner(e.next, from)
		return types.False
	case e.now < to:
		e.next = sooner(e.next, to)
		return types.True
	}
	return types.False
}
