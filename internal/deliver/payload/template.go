package payload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/selfsame-id/selfsame/internal/deliver"
)

// Template makes a body of a message. What it puts in is escaped for JSON, so nothing
// that a trait holds leaves the quotes that the template puts around it.
type Template struct {
	t *template.Template
	// JSON means that the result has to be JSON.
	json bool
}

// MostBody bounds what a template makes.
const MostBody = 256 << 10

// ErrTooLong: a template makes more than MostBody.
var ErrTooLong = fmt.Errorf("the template makes more than %d KiB", MostBody>>10)

// Context is what templates speak about.
type Context struct {
	ID         string // of the message, the same on every try
	Type       string // audience.entered, …
	Timestamp  string
	Space      string
	Key        string
	Value      any
	Previous   any
	Identifier deliver.Identifier
	Profile    Person
	From       string // the other profile of a merge
	Event      any
}

// Person is the profile that a message is about, as it is when the message goes out.
type Person struct {
	ID          string
	Traits      map[string]any      // set by calls, and computed
	Identifiers map[string][]string // by their types
}

var funcs = template.FuncMap{
	"json":   quoted,
	"escape": escaped,
	"default": func(otherwise, v any) any {
		if v == nil || v == "" {
			return otherwise
		}
		return v
	},
	"lower": strings.ToLower,
	"upper": strings.ToUpper,
	"join":  func(sep string, list any) string { return join(sep, list) },
}

// quoted is a value as JSON.
func quoted(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// escaped is a text as it stands between the quotes of JSON, and anything else as JSON;
// nothing for what is not there.
func escaped(v any) (string, error) {
	if v == nil {
		return "", nil
	}
	q, err := quoted(v)
	if strings.HasPrefix(q, `"`) {
		q = q[1 : len(q)-1]
	}
	return q, err
}

func join(sep string, list any) string {
	var out []string
	switch l := list.(type) {
	case []any:
		for _, e := range l {
			out = append(out, fmt.Sprint(e))
		}
	case []string:
		out = l
	}
	return strings.Join(out, sep)
}

// NewTemplate reads a template, and tries it on examples. Of a template whose result is
// JSON every example must give JSON.
func NewTemplate(text string, isJSON bool) (*Template, error) {
	t, err := template.New("template").Option("missingkey=zero").Funcs(funcs).Parse(text)
	if err != nil {
		return nil, err
	}
	for _, one := range t.Templates() {
		if one.Tree != nil {
			escapeAll(one.Root)
		}
	}
	out := &Template{t, isJSON}
	for _, c := range examples() {
		if _, err := out.Execute(c); err != nil {
			return nil, fmt.Errorf("on an example of %s: %w", c.Type, err)
		}
	}
	return out, nil
}

// escapeAll has everything that the template puts in go through escaped, except where
// it is made JSON already.
func escapeAll(n parse.Node) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, one := range n.Nodes {
				escapeAll(one)
			}
		}
	case *parse.IfNode:
		escapeAll(n.List)
		escapeAll(n.ElseList)
	case *parse.RangeNode:
		escapeAll(n.List)
		escapeAll(n.ElseList)
	case *parse.WithNode:
		escapeAll(n.List)
		escapeAll(n.ElseList)
	case *parse.ActionNode:
		if len(n.Pipe.Decl) > 0 {
			return
		}
		last := n.Pipe.Cmds[len(n.Pipe.Cmds)-1]
		if id, ok := last.Args[0].(*parse.IdentifierNode); ok && (id.Ident == "json" || id.Ident == "escape") {
			return
		}
		n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{
			NodeType: parse.NodeCommand, Pos: n.Pos, Args: []parse.Node{parse.NewIdentifier("escape").SetPos(n.Pos)},
		})
	}
}

// Execute makes a body.
func (t *Template) Execute(c *Context) ([]byte, error) {
	w := &bounded{}
	if err := t.t.Execute(w, c); err != nil {
		if errors.Is(err, ErrTooLong) {
			return nil, ErrTooLong
		}
		return nil, err
	}
	if t.json && !json.Valid(w.b) {
		return nil, errors.New("the template does not make valid JSON; put texts between quotes, or write {{json .Value}}")
	}
	return w.b, nil
}

type bounded struct{ b []byte }

func (w *bounded) Write(p []byte) (int, error) {
	if len(w.b)+len(p) > MostBody {
		return 0, ErrTooLong
	}
	w.b = append(w.b, p...)
	return len(p), nil
}

// NewContext is what a template speaks about for a message; p is the profile as it is
// now, nil if there is none.
func NewContext(space string, m *deliver.Message, p *deliver.Profile) *Context {
	c := &Context{
		ID: m.ID, Type: Type(m.What), Timestamp: Time(m.At), Space: space, Key: m.Key, Identifier: m.Identifier, From: m.From,
		Value: value(m.Value), Previous: value(m.Before), Event: value(m.Event), Profile: NewPerson(p),
	}
	if m.Class == deliver.Audience {
		c.Value, c.Previous = m.Value != nil, m.Before != nil
	}
	if c.Profile.ID == "" {
		c.Profile.ID = m.Profile
	}
	return c
}

// NewPerson is a profile as templates speak about it.
func NewPerson(p *deliver.Profile) Person {
	out := Person{Traits: map[string]any{}, Identifiers: map[string][]string{}}
	if p == nil {
		return out
	}
	out.ID = p.ID
	for k, v := range p.Traits {
		out.Traits[k] = value(v)
	}
	for k, v := range p.Values {
		if v.JSON != nil {
			out.Traits[k] = value(v.JSON)
		}
	}
	for _, id := range p.Identifiers {
		out.Identifiers[id.Type] = append(out.Identifiers[id.Type], id.Value)
	}
	return out
}

func value(raw json.RawMessage) (v any) {
	if raw == nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	_ = d.Decode(&v) // what is no JSON is nothing
	return v
}

// examples are contexts as they come, one with little and one with much in it.
func examples() []*Context {
	much := &deliver.Profile{
		ID: "use_2ZxExample", Identifiers: []deliver.Identifier{{Type: "user_id", Value: "u1"}, {Type: "email", Value: "jane@example.com"}},
		Traits: map[string]json.RawMessage{"firstName": json.RawMessage(`"Ja\"ne\n"`), "email": json.RawMessage(`"jane@example.com"`), "age": json.RawMessage("31")},
		Values: map[string]deliver.Value{"orders": {JSON: json.RawMessage("2")}, "vip": {JSON: json.RawMessage("true")}},
	}
	id := deliver.Identifier{Type: "user_id", Value: "u1"}
	of := func(what deliver.What, class deliver.Class, key, v string) *Context {
		m := &deliver.Message{ID: "msg_example", What: what, Class: class, Key: key, Identifier: id, Profile: much.ID}
		if v != "" {
			m.Value = json.RawMessage(v)
		}
		return NewContext("example", m, much)
	}
	event := of(deliver.Event, "", "", "")
	event.Event = value(json.RawMessage(`{"event":"Order Completed","properties":{"revenue":124.5}}`))
	little := NewContext("example", &deliver.Message{ID: "msg_example", What: deliver.Exited, Class: deliver.Audience, Key: "vip", Identifier: id, Profile: "use_x"}, nil)
	return []*Context{of(deliver.Entered, deliver.Audience, "vip", "true"), of(deliver.TraitSet, deliver.Trait, "orders", "2"), of(deliver.TraitSet, deliver.Trait, "plan", `"a \"b\""`), event, little}
}
