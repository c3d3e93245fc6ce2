package compute

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// Bounds of a document.
const (
	MaxDocument    = 1 << 20 // bytes
	MaxDefinitions = 1000    // traits and audiences together
)

var keyForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// Parse reads a document of definitions, YAML or JSON. It knows every field by name;
// an error is Mistakes and says all that is wrong. Whether expressions are right and
// names are known is for Compile to say.
func Parse(text []byte) (*Document, error) {
	if len(text) > MaxDocument {
		return nil, Mistakes{{Reason: fmt.Sprintf("the document has %d bytes, the limit is %d", len(text), MaxDocument)}}
	}
	var root yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&root); err != nil && !errors.Is(err, io.EOF) {
		return nil, Mistakes{{Line: lineOf(err), Reason: "this is not YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")}}
	}
	doc := &Document{SetTraits: map[string]ValueType{}}
	if root.Kind == 0 || len(root.Content) == 0 || root.Content[0].Tag == "!!null" {
		return doc, nil
	}
	var r reader
	var second yaml.Node
	if err := decoder.Decode(&second); err == nil {
		r.add(second.Line, "", "the document ends at the line before; write everything into one")
	}
	r.object(root.Content[0], "", map[string]func(*yaml.Node, string){
		"traits": func(n *yaml.Node, path string) {
			r.definitions(n, path, func(key string, n *yaml.Node, path string, line int) {
				doc.Traits = append(doc.Traits, r.trait(key, n, path, line))
			})
		},
		"audiences": func(n *yaml.Node, path string) {
			r.definitions(n, path, func(key string, n *yaml.Node, path string, line int) {
				doc.Audiences = append(doc.Audiences, r.audience(key, n, path, line))
			})
		},
		"set_traits": func(n *yaml.Node, path string) {
			if n.Kind != yaml.MappingNode {
				r.add(n.Line, path, "this is %s; write an object of names and types, such as plan: string", describeNode(n))
				return
			}
			r.members(n, path, func(name string, n *yaml.Node, path string, _ int) {
				t := AnyValue
				word(&r, &t, AnyValue, StringValue, NumberValue, BooleanValue, ListValue)(n, path)
				doc.SetTraits[name] = t
			})
		},
		"destinations": func(n *yaml.Node, _ string) { doc.Destinations = n },
	})
	if n := len(doc.Traits) + len(doc.Audiences); n > MaxDefinitions {
		r.add(0, "", "there are %d traits and audiences, the limit is %d", n, MaxDefinitions)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	slices.SortFunc(doc.Traits, func(a, b Trait) int { return cmp.Compare(a.Key, b.Key) })
	slices.SortFunc(doc.Audiences, func(a, b Audience) int { return cmp.Compare(a.Key, b.Key) })
	return doc, nil
}

var lineInError = regexp.MustCompile(`line (\d+)`)

func lineOf(err error) int {
	if m := lineInError.FindStringSubmatch(err.Error()); m != nil {
		n, _ := strconv.Atoi(m[1])
		return n
	}
	return 0
}

// definitions calls f for every definition of an object of these.
func (r *reader) definitions(n *yaml.Node, path string, f func(key string, n *yaml.Node, path string, line int)) {
	if n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.add(n.Line, path, "this is %s; write an object of keys and definitions", describeNode(n))
		return
	}
	r.members(n, path, func(key string, n *yaml.Node, path string, line int) {
		if !keyForm.MatchString(key) {
			r.add(line, path, "a key has small letters, digits and underscores, begins with a letter and is at most 64 long")
			return
		}
		f(key, n, path, line)
	})
}

func (r *reader) audience(key string, n *yaml.Node, path string, line int) Audience {
	a := Audience{Key: key, For: identity.Users, Anonymous: true, Line: line}
	if !r.object(n, path, map[string]func(*yaml.Node, string){
		"name":        r.text(&a.Name),
		"description": r.text(&a.Description),
		"when":        r.text(&a.When),
		"for":         r.collection(&a.For),
		"users":       word(r, &a.Users, AnyUser, AllUsers, NoUser),
		"anonymous":   r.boolean(&a.Anonymous),
		"disabled":    r.boolean(&a.Disabled),
	}) {
		return a
	}
	if a.When == "" {
		r.add(line, path, "an audience needs `when`, an expression such as traits.orders >= 3")
	}
	if a.Users != "" && a.For != identity.Accounts {
		r.add(line, path+".users", "this is of audiences of accounts; add `for: accounts`")
	}
	if a.For == identity.Accounts && !a.Anonymous {
		r.add(line, path+".anonymous", "an account is never anonymous; leave this out")
	}
	return a
}

func (r *reader) collection(to *identity.Collection) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		c, ok := identity.ParseCollection(n.Value)
		if n.Kind != yaml.ScalarNode || !ok {
			r.add(n.Line, path, "write users or accounts")
			return
		}
		*to = c
	}
}

// selection gives the fields that say which events are selected.
func (r *reader) selection(s *Selection) map[string]func(*yaml.Node, string) {
	return map[string]func(*yaml.Node, string){
		"event":    r.texts(&s.Events),
		"type":     r.calls(&s.Calls),
		"where":    r.text(&s.Where),
		"property": r.text(&s.Property),
	}
}

// calls reads names of calls, or any.
func (r *reader) calls(to *[]event.Type) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		var names []string
		r.texts(&names)(n, path)
		for _, name := range names {
			if name == "any" {
				*to = []event.Type{event.Identify, event.Track, event.Page, event.Screen, event.Group}
				return
			}
			t := event.TypeOf(name)
			if t == 0 || t == event.Alias || name != t.String() {
				r.add(n.Line, path, "%q is no call that can be counted; write track, page, screen, identify, group or any", name)
				continue
			}
			if !slices.Contains(*to, t) {
				*to = append(*to, t)
			}
		}
		slices.Sort(*to)
	}
}

// complete fills in what a selection need not say, and notes what it has to.
func (r *reader) complete(s *Selection, path string, line int) {
	if s.Line = line; len(s.Calls) == 0 {
		s.Calls = []event.Type{event.Track}
	}
	if len(s.Events) == 0 && slices.Equal(s.Calls, []event.Type{event.Track}) {
		r.add(line, path, "`event` is missing: name the event, such as Order Completed, or write \"*\" for any")
	}
	slices.Sort(s.Events)
	s.Events = slices.Compact(s.Events)
}
