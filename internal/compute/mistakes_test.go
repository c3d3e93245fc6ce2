package compute

import (
	"errors"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// mistakesOf are what Parse and Compile say about a document.
func mistakesOf(text string, names Names) Mistakes {
	doc, err := Parse([]byte(text))
	if err == nil {
		_, err = Compile(doc, Streams{}, names)
	}
	var wrong Mistakes
	errors.As(err, &wrong)
	return wrong
}

func TestMistakesSayWhatAndWhere(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no YAML", "traits: [", "line 1: this is not YAML"},
		{"not an object", "- a", "line 1: this is a list; write an object with any of: audiences, destinations, set_traits, traits"},
		{"unknown part", "trait: {}", "line 1: trait: this field is not known here"},
		{"two documents", "traits: {}\n---\ntraits: {}", "the document ends"},
		{"bad key", "traits:\n  Orders: {kind: count, event: A}", "line 2: traits.Orders: a key has small letters"},
		{"key twice", "traits:\n  a: {kind: count, event: A}\n  a: {kind: count, event: B}", "traits.a: this is there twice"},
		{"alias", "traits:\n  a: &x {kind: count, event: A}\n  b: *x", "line 2: traits.a: anchors and aliases are not read"},
		{"no kind", "traits:\n  a: {event: A}", "line 2: traits.a: `kind` is missing"},
		{"bad kind", "traits:\n  a: {event: A, kind: number}", "line 2: traits.a.kind: write one of: count, sum"},
		{"unknown field", "traits:\n  a: {event: A, kind: count, propety: x}", "line 2: traits.a.propety: this field is not known here; there are: description, disabled, event"},
		{"no event", "traits:\n  a: {kind: count}", "line 2: traits.a: `event` is missing"},
		{"no property", "traits:\n  a: {event: A, kind: sum}", "traits.a: `property` is missing"},
		{"bad path", "traits:\n  a: {event: A, kind: sum, property: revenue}", `traits.a.property: "revenue" does not begin with properties`},
		{"empty path", "traits:\n  a: {event: A, kind: sum, property: properties..x}", `"properties..x" is no path`},
		{"bad window", "traits:\n  a: {event: A, kind: count, window: 90}", "line 2: traits.a.window: write a time from 1s to 36525d"},
		{"empty window", "traits:\n  a: {event: A, kind: count, window: {from: 1d, to: 2d}}", "the window is empty"},
		{"short session", "traits:\n  a: {event: A, kind: count, window: {session: 1m}}", "traits.a.window.session: write a time from 30m to 90d"},
		{"window of unmatched", "traits:\n  a: {kind: unmatched, event: A, property: properties.x, window: {session: 1h}, without: {event: B, property: properties.x}}", "traits.a.window: write none or a length"},
		{"no without", "traits:\n  a: {kind: unmatched, event: A, property: properties.x}", "`without` is missing"},
		{"no last", "traits:\n  a: {kind: since, of: {event: A}}", "`last` is missing"},
		{"one step", "traits:\n  a: {kind: funnel, steps: [{event: A}]}", "write a list of 2 to 10 steps"},
		{"abandoned for ever", "traits:\n  a: {kind: funnel, steps: [{event: A}, {event: B}], count: abandoned}", "without `within` nothing is ever abandoned"},
		{"alias calls", "traits:\n  a: {type: alias, kind: count}", `"alias" is no call that can be counted`},
		{"no CEL", "traits:\n  a: {event: A, kind: count, where: 'properties.x >'}", "line 2: traits.a.where: this is no expression: column 15"},
		{"no condition", "traits:\n  a: {event: A, kind: count, where: 'event + \"x\"'}", "traits.a.where: the result is of type string; write a condition"},
		{"unknown name", "traits:\n  a: {event: A, kind: count, where: price > 3}", "column 1: undeclared reference to 'price'"},
		{"traits at ingest", "traits:\n  a: {event: A, kind: count, where: traits.x > 3}", "put what is about traits into `if`"},
		{"zero", "traits:\n  a: {event: A, kind: count, where: properties.x / 0 > 3}", "column 14: this divides by zero"},
		{"modulo zero", "audiences:\n  a: {when: traits.x % 0 == 1}", "column 10: this divides by zero"},
		{"dear", "traits:\n  a: {event: A, kind: count, where: 'properties.a.all(a, properties.a.all(b, properties.a.all(c, a == b || b == c)))'}", "traits.a.where: it costs too much"},
		{"deep", "audiences:\n  a: {when: '" + strings.Repeat("(", 300) + "true" + strings.Repeat(")", 300) + "'}", "line 2: audiences.a.when: this is no expression"},
		{"no when", "audiences:\n  a: {}", "an audience needs `when`"},
		{"unknown trait", "audiences:\n  a: {when: traits.ordres > 1}\ntraits:\n  orders: {event: A, kind: count}", "audiences.a.when: column 7: undefined field 'ordres'"},
		{"unknown audience", "audiences:\n  a: {when: audiences.b}", "audiences.a.when: column 10: undefined field 'b': there is no such audience of users"},
		{"types", "audiences:\n  a: {when: traits.orders > \"3\"}\ntraits:\n  orders: {event: A, kind: count}", "no matching overload for '_>_' applied to '(int, string)'"},
		{"text is no number", "audiences:\n  a: {when: 'traits.plan == 3'}\nset_traits: {plan: string}", ""},
		{"itself", "audiences:\n  a: {when: audiences.b}\n  b: {when: '!audiences.c'}\n  c: {when: audiences.a}", "it needs itself: audiences.a → audiences.b → audiences.c → audiences.a"},
		{"trait by if", "traits:\n  a: {event: A, kind: count, if: audiences.b}\naudiences:\n  b: {when: traits.a > 1}", "it needs itself"},
		{"disabled", "traits:\n  a: {event: A, kind: count, disabled: true}\naudiences:\n  b: {when: traits.a > 1}", "line 4: audiences.b: it needs traits.a, which is disabled"},
		{"same key", "traits:\n  a: {event: A, kind: count}\naudiences:\n  a: {when: 'true'}", "audiences.a: there is a trait of this key"},
		{"users of users", "audiences:\n  a: {when: 'true', users: any}", "this is of audiences of accounts"},
		{"other collection", "traits:\n  a: {event: A, kind: count, for: accounts}\naudiences:\n  b: {when: traits.a > 1}", "undefined field 'a'"},
		{"no end", "audiences:\n  a: {when: 'events(\"A\").within(\"7d\") > 1'}", "audiences.a.when: column 19: within(…) is no value yet; end it with count()"},
		{"bare events", "audiences:\n  a: {when: 'events(\"A\") > 1'}", "events(…) is no value yet"},
		{"bad length", "audiences:\n  a: {when: 'events(\"A\").within(7).count() > 1'}", "write a length of time in quotes"},
		{"bad length of time", "audiences:\n  a: {when: 'within_last(traits.x, 7)'}", "write a length of time in quotes"},
		{"bad condition inside", "audiences:\n  a: {when: 'events(\"A\", traits.x > 3).count() > 1'}", "line 2: audiences.a.when: traits of the profile cannot be asked about here"},
		{"no property inside", "audiences:\n  a: {when: 'events(\"A\").sum() > 1'}", "sum needs the path of a property"},
		{"bad path inside", "audiences:\n  a: {when: 'events(\"A\").sum(\"price\") > 1'}", `is it properties.price?`},
		{"loop around events", "audiences:\n  a: {when: '[1].exists(x, events(\"A\", price > x).count() > 1)'}", `"x" is of a loop around events(…)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			names := Names{SetTraits: func(_ identity.Collection, name string) bool { return name == "x" }}
			wrong := mistakesOf(c.text, names)
			if c.want == "" && wrong != nil || !strings.Contains(wrong.Error(), c.want) {
				t.Errorf("said:\n%v\nwant: %s", wrong, c.want)
			}
			if wrong != nil && !errors.Is(wrong, ErrInvalid) {
				t.Error("the error is not ErrInvalid")
			}
		})
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	wrong := mistakesOf("traits:\n  a: {kind: sum}\n  b: {kind: count, event: A, window: x}\naudiences:\n  c: {}\n", Names{})
	if len(wrong) < 4 {
		t.Errorf("%d mistakes:\n%v", len(wrong), wrong)
	}
	wrong = mistakesOf("traits:\n  a: {event: A, kind: count, where: x}\naudiences:\n  c: {when: y}\n  d: {when: z}\n", Names{})
	if len(wrong) != 3 || wrong[0].Line != 2 || wrong[2].Line != 5 {
		t.Errorf("said:\n%v", wrong)
	}
}

func TestJSONIsRead(t *testing.T) {
	doc, err := Parse([]byte(`{"traits": {"a": {"event": ["A", "B"], "kind": "count", "window": {"from": "2d", "to": "1d"}}}, "destinations": {"x": {}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(doc.Traits) != 1 || len(doc.Traits[0].Of.Events) != 2 || doc.Traits[0].Window.Skip == 0 || doc.Destinations == nil {
		t.Errorf("%+v", doc)
	}
	if doc, err = Parse(nil); err != nil || len(doc.Traits) != 0 {
		t.Error(doc, err)
	}
}
