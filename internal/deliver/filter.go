package deliver

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
)

// Filter is a condition in CEL, compiled and checked. It may be used by many
// goroutines at once.
type Filter struct {
	text    string
	program cel.Program
}

// variables are what a condition speaks about.
type variables map[string]*cel.Type

var (
	object = cel.MapType(cel.StringType, cel.DynType)
	// eventVariables are those of conditions on events, as in the `where` of a trait.
	eventVariables = variables{"event": cel.StringType, "type": cel.StringType, "source": cel.StringType, "properties": object, "context": object, "traits": object, "page": object}
	// messageVariables are those of conditions on what is told.
	messageVariables = variables{"what": cel.StringType, "key": cel.StringType, "value": cel.DynType, "profile": cel.StringType, "identifiers": cel.MapType(cel.StringType, cel.ListType(cel.StringType)), "traits": object}
)

const (
	mostFilterText = 4 << 10
	mostFilterCost = 100_000
)

// environments are made once for each set of variables; that is dear.
var environments sync.Map // *variables' names → *cel.Env

func environment(v variables) (*cel.Env, error) {
	_, isEvent := v["event"]
	if e, ok := environments.Load(isEvent); ok {
		return e.(*cel.Env), nil
	}
	var options []cel.EnvOption
	for name, t := range v {
		options = append(options, cel.Variable(name, t))
	}
	e, err := cel.NewEnv(options...)
	if err == nil {
		environments.Store(isEvent, e)
	}
	return e, err
}

// newFilter compiles a condition.
func newFilter(text string, v variables) (*Filter, error) {
	if len(text) > mostFilterText {
		return nil, fmt.Errorf("has %d characters; %d are possible", len(text), mostFilterText)
	}
	env, err := environment(v)
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(text)
	if err := issues.Err(); err != nil {
		return nil, fmt.Errorf("is no condition in CEL: %s", strings.TrimPrefix(err.Error(), "ERROR: <input>:"))
	}
	if t := ast.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("gives a %s; a condition gives true or false", t)
	}
	p, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(mostFilterCost))
	if err != nil {
		return nil, err
	}
	return &Filter{text, p}, nil
}

func filterOf(s *Section, key string, v variables) *Filter {
	text := s.Text(key)
	if text == "" {
		return nil
	}
	if text == "all" {
		text = "true"
	}
	f, err := newFilter(text, v)
	if err != nil {
		s.Mistake(key, "%s", err)
	}
	return f
}

// holds reports whether the condition is true. Where something that it asks for is
// missing or of another kind, it is not.
func (f *Filter) holds(of map[string]any) bool {
	v, _, err := f.program.Eval(of)
	if err != nil {
		return false
	}
	b, ok := v.Value().(bool)
	return ok && b
}

// takesEvent reports whether an event is selected.
func (f *Filter) takesEvent(e *StoredEvent) bool {
	var body struct {
		Properties map[string]any `json:"properties"`
		Context    map[string]any `json:"context"`
		Traits     map[string]any `json:"traits"`
	}
	_ = json.Unmarshal(e.Body, &body) // what cannot be read is absent
	page, _ := body.Context["page"].(map[string]any)
	return f.holds(map[string]any{
		"event": e.Name, "type": e.Type, "source": e.Source, "properties": orEmpty(body.Properties), "context": orEmpty(body.Context),
		"traits": orEmpty(body.Traits), "page": orEmpty(page),
	})
}

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

// takesMessage reports whether a message about a profile is selected.
func (f *Filter) takesMessage(m *Message, p *Profile) bool {
	ids := map[string][]string{}
	traits := map[string]any{}
	if p != nil {
		for _, id := range p.Identifiers {
			ids[id.Type] = append(ids[id.Type], id.Value)
		}
		for k, raw := range p.Traits {
			traits[k] = decoded(raw)
		}
		for k, v := range p.Values {
			if v.JSON != nil {
				traits[k] = decoded(v.JSON)
			}
		}
	}
	return f.holds(map[string]any{"what": string(m.What), "key": m.Key, "value": decoded(m.Value), "profile": m.Profile, "identifiers": ids, "traits": traits})
}

func decoded(raw json.RawMessage) (v any) {
	_ = json.Unmarshal(raw, &v) // what is no JSON is null
	return v
}
