package search

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

func text() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string { return Fold(rapid.String().Draw(t, "text")) })
}

func TestEntriesReadBackWhatTheyWereMadeOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := entry{Field: Field{rapid.SampledFrom([]Kind{Identifier, Trait, Words, Computed}).Draw(t, "kind"), text().Draw(t, "name")}, term: term(text().Draw(t, "term"))}
		if e.Kind == Computed {
			e.profile = codec.ProfileID{1, 0, 2, 19: 3}
		} else {
			e.subject = identity.Hash{1, 0, 2}
		}
		if got, ok := parseEntry(e.append(nil)); !ok || got != e {
			t.Fatalf("%+v became %+v, %v", e, got, ok)
		}
		parseEntry(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) // must not panic
	})
}

func traitsOf(t interface{ Fatal(...any) }, object string) profile.Traits {
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &m); err != nil {
		t.Fatal(err)
	}
	var list profile.Traits
	for k, v := range m {
		if string(v) == "null" {
			v = nil
		}
		list = append(list, profile.Trait{Name: k, Value: v})
	}
	slices.SortFunc(list, func(a, b profile.Trait) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func TestValuesOfTraits(t *testing.T) {
	for in, want := range map[string]string{
		`{"plan":"Premium"}`:                                    "t/plan=premium",
		`{"age":42.0,"vip":true,"x":null}`:                      "t/age=42 t/vip=true",
		`{"score":1.50}`:                                        "t/score=1.50",
		`{"tags":["A","b","a",7,null,{"k":"v"}]}`:               "t/tags=7 t/tags=a t/tags=b t/tags.k=v",
		`{"address":{"city":"New York","geo":{"lat":1.5}}}`:     "t/address.city=new york t/address.geo.lat=1.5",
		`{"firstName":"Jane"}`:                                  "t/firstName=jane w/=jane",
		`{"name":"Ana-María  de la Cruz"}`:                      "t/name=ana-maria de la cruz w/=ana-maria de la cruz w/=cruz w/=de la cruz w/=la cruz w/=maria de la cruz",
		`{"a":{"b":{"c":{"d":{"e":{"f":"too deep"}}}}},"g":""}`: "",
		`{"a\u0000b":"x"}`:                                      "",
	} {
		l := listedOf(identity.Users, traitsOf(t, in))
		var got []string
		for _, v := range l.terms {
			got = append(got, string(v.Field.Kind)+"/"+v.Field.Name+"="+v.Text)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s has\n%s, want\n%s", in, strings.Join(got, " "), want)
		}
	}
	long := `{"list":[` + strings.Repeat(`"x1",`, 10)
	for i := range 100 {
		long += `"v` + strings.Repeat("x", i) + `",`
	}
	if l := listedOf(identity.Users, traitsOf(t, long+`1]}`)); len(l.terms) > mostTerms {
		t.Errorf("a list has %d terms", len(l.terms))
	}
}

// What a strand had and what changes make what it has now, also in another collection.
func TestChangesLeadFromOneToTheNext(t *testing.T) {
	values := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Value {
		return Value{Field{Trait, rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name")}, rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "text")}
	}), 0, 5)
	list := rapid.Custom(func(t *rapid.T) listed {
		l := listed{identity.Collection(rapid.IntRange(1, 2).Draw(t, "collection")), values.Draw(t, "values")}
		slices.SortFunc(l.terms, compareValues)
		l.terms = slices.Compact(l.terms)
		return l
	})
	type row struct {
		c identity.Collection
		e entry
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := list.Draw(t, "a"), list.Draw(t, "b")
		read, err := decodeListed(a.append(nil))
		if err != nil || !slices.Equal(read.terms, a.terms) || read.collection != a.collection {
			t.Fatalf("%+v became %+v, %v", a, read, err)
		}
		rows := map[row]bool{}
		put := func(c identity.Collection, e *entry) { rows[row{c, *e}] = true }
		gone := func(c identity.Collection, e *entry) {
			if !rows[row{c, *e}] {
				t.Fatalf("%+v is taken away and is not there", e)
			}
			delete(rows, row{c, *e})
		}
		(&listed{}).changes(entry{subject: identity.Hash{1}}, &a, put, gone)
		a.changes(entry{subject: identity.Hash{1}}, &b, put, gone)
		if len(rows) != len(b.terms) {
			t.Fatalf("%v is left, want %v", rows, b)
		}
		for _, v := range b.terms {
			if !rows[row{b.collection, entry{Field: v.Field, term: v.Text, subject: identity.Hash{1}}}] {
				t.Fatalf("%v is missing in %v", v, rows)
			}
		}
	})
}
