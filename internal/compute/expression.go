package compute

import (
	"github.com/selfsame-id/selfsame/internal/compute/values"

	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"

	"github.com/selfsame-id/selfsame/internal/event"
)

// Bounds of an expression. Its cost is CEL's measure: about one for a step.
const (
	// longestExpression is in Unicode characters.
	longestExpression = longestText
	deepestExpression = 50
	// mostCost is what it may cost at worst over the sizes of assumedSize.
	mostCost = 1_000_000
	// assumedSize is how long lists, objects and texts of an event or a profile are
	// taken to be at most.
	assumedSize = 500
	// mostConditionSteps and mostProfileSteps are what it may cost while it is evaluated,
	// where it goes through lists that may be longer: of an event, and of a profile.
	mostConditionSteps = 100_000
	mostProfileSteps   = 1_000_000
)

// expressions are the options of every environment.
func expressions() []cel.EnvOption {
	return append(values.Standard(),
		cel.ParserExpressionSizeLimit(longestExpression),
		cel.ParserRecursionLimit(deepestExpression),
		cel.EnableMacroCallTracking(),
		cel.CrossTypeNumericComparisons(true),
		ext.Strings(),
		cel.Function("time", cel.Overload("time_dyn", []*cel.Type{cel.DynType}, cel.TimestampType, cel.UnaryBinding(readTime))),
	)
}

// readTime makes a time of text in ISO 8601.
func readTime(v ref.Val) ref.Val {
	switch v := v.(type) {
	case types.Timestamp:
		return v
	case types.String:
		if t, ok := event.ParseTime(string(v)); ok {
			return timestamp(t)
		}
		return types.NewErr("this is no time in ISO 8601")
	}
	return types.MaybeNoSuchOverloadErr(v)
}

// issues gives what CEL found wrong, without the picture of the line.
func issues(found *cel.Issues) string {
	var out []string
	for _, one := range found.Errors() {
		at := ""
		if l := one.Location; l != nil && l.Line() > 0 {
			at = fmt.Sprintf("column %d: ", l.Column()+1)
			if l.Line() > 1 {
				at = fmt.Sprintf("line %d, %s", l.Line(), at)
			}
		}
		out = append(out, at+one.Message)
	}
	return strings.Join(out, "; ")
}

// parse parses an expression. The error is what is wrong, in words.
func parse(env *cel.Env, text string) (*cel.Ast, error) {
	tree, found := env.Parse(text)
	if found.Err() != nil {
		return nil, fmt.Errorf("this is no expression: %s", issues(found))
	}
	return tree, nil
}

// check checks the types of a parsed expression, whose result must be a boolean, and
// makes a program of it, which may take a number of steps.
func check(env *cel.Env, tree *cel.Ast, steps uint64) (cel.Program, *cel.Ast, error) {
	var zero error
	factory := ast.NewExprFactory()
	ids := ast.MaxID(tree.NativeRep())
	ast.PostOrderVisit(tree.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || len(e.AsCall().Args()) != 2 {
			return
		}
		call := e.AsCall()
		switch args := call.Args(); call.FunctionName() {
		case operators.Divide, operators.Modulo:
			if isZero(args[1]) {
				zero = fmt.Errorf("column %d: this divides by zero", tree.NativeRep().SourceInfo().GetStartLocation(e.ID()).Column()+1)
			}
		case operators.Equals, operators.NotEquals:
			// A number equals a number, whichever way it is written.
			for _, arg := range args {
				if isNumber(arg) {
					ids++
					arg.SetKindCase(factory.NewCall(arg.ID(), "dyn", factory.NewLiteral(ids, arg.AsLiteral())))
				}
			}
		}
	}))
	if zero != nil {
		return nil, nil, zero
	}
	checked, found := env.Check(tree)
	if found.Err() != nil {
		return nil, nil, fmt.Errorf("%s", issues(found))
	}
	if t := checked.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, nil, fmt.Errorf("the result is of type %s; write a condition, which is true or false", t)
	}
	estimate, err := env.EstimateCost(checked, sizes{})
	if err != nil {
		return nil, nil, fmt.Errorf("its cost cannot be estimated: %w", err)
	}
	if estimate.Max > mostCost {
		return nil, nil, fmt.Errorf("it costs too much, %d steps at worst and the limit is %d; go through fewer lists within lists, or shorten it", estimate.Max, mostCost)
	}
	var options []cel.ProgramOption
	if loops(checked) {
		options = append(options, cel.CostLimit(steps))
	}
	program, err := env.Program(checked, append(options, cel.EvalOptions(cel.OptOptimize))...)
	if err != nil {
		return nil, nil, fmt.Errorf("it cannot be made ready: %w", err)
	}
	return program, checked, nil
}

func isNumber(e ast.Expr) bool {
	if e.Kind() != ast.LiteralKind {
		return false
	}
	switch e.AsLiteral().(type) {
	case types.Int, types.Double, types.Uint:
		return true
	}
	return false
}

func isZero(e ast.Expr) bool {
	return isNumber(e) && types.Equal(e.AsLiteral(), types.IntZero) == types.True
}

// loops reports whether an expression goes through lists.
func loops(tree *cel.Ast) bool {
	found := false
	ast.PostOrderVisit(tree.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		found = found || e.Kind() == ast.ComprehensionKind
	}))
	return found
}

// sizes estimates the sizes of what comes from events and profiles.
type sizes struct{}

// EstimateCallCost leaves it to CEL.
func (sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

// EstimateSize assumes bounded sizes of what is not a constant.
func (sizes) EstimateSize(n cost.AstNode) *cost.SizeEstimate {
	if n.ComputedSize() != nil {
		return nil
	}
	return &cost.SizeEstimate{Min: 0, Max: assumedSize}
}
