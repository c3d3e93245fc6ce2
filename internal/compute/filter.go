package compute

import (
	"fmt"

	"cel.dev/cel-go/cel"
)

// NameKind says what a name in a condition of a Filter stands for.
type NameKind int

// The kinds of names.
const (
	OfText   NameKind = iota // a string
	OfObject                 // an object with any members
	OfTexts                  // lists of texts, by key
	OfAny                    // a value of any type
)

// Filters compiles conditions over names of its own, in the language and within the bounds
// of the `where` of a trait.
type Filters struct{ env *cel.Env }

// Filter is a compiled condition. It may be used by many goroutines at once.
type Filter struct{ program cel.Program }

// NewFilters makes the compiler of conditions over names.
func NewFilters(names map[string]NameKind) (*Filters, error) {
	options := expressions()
	for name, kind := range names {
		t := cel.DynType
		switch kind {
		case OfText:
			t = cel.StringType
		case OfObject:
			t = cel.MapType(cel.StringType, cel.DynType)
		case OfTexts:
			t = cel.MapType(cel.StringType, cel.ListType(cel.StringType))
		}
		options = append(options, cel.Variable(name, t))
	}
	env, err := cel.NewCustomEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("compute: the environment of filters: %w", err)
	}
	return &Filters{env}, nil
}

// Compile compiles a condition. The error says what is wrong with it, in words.
func (f *Filters) Compile(text string) (*Filter, error) {
	tree, err := parse(f.env, text)
	if err != nil {
		return nil, err
	}
	program, _, err := check(f.env, tree, mostConditionSteps)
	if err != nil {
		return nil, err
	}
	return &Filter{program}, nil
}

// Holds reports whether the condition holds of the values of its names: strings,
// map[string]any, map[string][]string, or what JSON is decoded into. Where it cannot be
// evaluated it does not hold, and the problem says why.
func (f *Filter) Holds(of map[string]any) (bool, Problem) {
	out, _, err := f.program.Eval(of)
	return verdict(out, err)
}
