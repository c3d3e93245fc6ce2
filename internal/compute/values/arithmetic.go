package values

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// errZero is the error of a division by zero.
var errZero = types.NewErr("division by zero")

// Standard is CEL's standard library with one change: a whole number and one with a
// fraction can be added, subtracted, multiplied and divided, and dividing by 0.0 is an
// error like dividing by 0.
func Standard() []cel.EnvOption {
	without := []*env.Function{
		{Name: operators.Add}, {Name: operators.Subtract}, {Name: operators.Multiply}, {Name: operators.Divide},
	}
	i, d, u := cel.IntType, cel.DoubleType, cel.UintType
	t, dur, list := cel.TimestampType, cel.DurationType, cel.ListType(cel.TypeParamType("A"))
	two := func(id string, a, b, result *cel.Type) cel.FunctionOpt {
		return cel.Overload(id, []*cel.Type{a, b}, result)
	}
	numbers := func(op, ints, doubles, uints string) []cel.FunctionOpt {
		return []cel.FunctionOpt{
			two(ints, i, i, i), two(doubles, d, d, d), two(uints, u, u, u),
			two(op+"_int64_double", i, d, d), two(op+"_double_int64", d, i, d),
		}
	}
	function := func(name string, f func(a, b ref.Val) ref.Val, opts ...cel.FunctionOpt) cel.EnvOption {
		return cel.Function(name, append(opts, cel.SingletonBinaryBinding(func(a, b ref.Val) ref.Val {
			return f(alike(a, b))
		}))...)
	}
	return []cel.EnvOption{
		cel.StdLib(cel.StdLibSubset(&env.LibrarySubset{ExcludeFunctions: without})),
		function(operators.Add, add, append(numbers("add", overloads.AddInt64, overloads.AddDouble, overloads.AddUint64),
			two(overloads.AddString, cel.StringType, cel.StringType, cel.StringType),
			two(overloads.AddBytes, cel.BytesType, cel.BytesType, cel.BytesType),
			two(overloads.AddList, list, list, list),
			two(overloads.AddDurationDuration, dur, dur, dur),
			two(overloads.AddDurationTimestamp, dur, t, t),
			two(overloads.AddTimestampDuration, t, dur, t))...),
		function(operators.Subtract, subtract, append(numbers("subtract", overloads.SubtractInt64, overloads.SubtractDouble, overloads.SubtractUint64),
			two(overloads.SubtractDurationDuration, dur, dur, dur),
			two(overloads.SubtractTimestampTimestamp, t, t, dur),
			two(overloads.SubtractTimestampDuration, t, dur, t))...),
		function(operators.Multiply, multiply, numbers("multiply", overloads.MultiplyInt64, overloads.MultiplyDouble, overloads.MultiplyUint64)...),
		function(operators.Divide, divide, numbers("divide", overloads.DivideInt64, overloads.DivideDouble, overloads.DivideUint64)...),
	}
}

// alike makes two numbers of different kinds numbers with a fraction.
func alike(a, b ref.Val) (ref.Val, ref.Val) {
	if a.Type() == b.Type() {
		return a, b
	}
	switch x := a.(type) {
	case types.Int:
		if b.Type() == types.DoubleType {
			return types.Double(x), b
		}
	case types.Double:
		if y, ok := b.(types.Int); ok {
			return a, types.Double(y)
		}
	}
	return a, b
}

func add(a, b ref.Val) ref.Val {
	if x, ok := a.(traits.Adder); ok {
		return x.Add(b)
	}
	return types.MaybeNoSuchOverloadErr(a)
}

func subtract(a, b ref.Val) ref.Val {
	if x, ok := a.(traits.Subtractor); ok {
		return x.Subtract(b)
	}
	return types.MaybeNoSuchOverloadErr(a)
}

func multiply(a, b ref.Val) ref.Val {
	if x, ok := a.(traits.Multiplier); ok {
		return x.Multiply(b)
	}
	return types.MaybeNoSuchOverloadErr(a)
}

func divide(a, b ref.Val) ref.Val {
	if b == types.Double(0) {
		return errZero
	}
	if x, ok := a.(traits.Divider); ok {
		return x.Divide(b)
	}
	return types.MaybeNoSuchOverloadErr(a)
}
