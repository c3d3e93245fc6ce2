package search

import (
	"cmp"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space/bulk"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// person is a profile as it is now, with the values under which it can be found.
type person struct {
	*bulk.Profile
	values []held // in the order of the index
}

// held is a value with the strand, or the identifier, that has it.
type held struct {
	Value
	subject identity.Hash
}

// owners finds the profiles to which entries lead now, and loads them. It gives the zero ID
// for entries that lead to none.
func (f *finder) owners(entries []entry) ([]codec.ProfileID, error) {
	var ids, strands []identity.Hash
	for i := range entries {
		switch entries[i].Kind {
		case Identifier:
			ids = append(ids, entries[i].subject)
		case Computed: // it says whose it is
		default:
			strands = append(strands, entries[i].subject)
		}
	}
	if err := f.LoadStrands(strands...); err != nil {
		return nil, err
	}
	top := map[identity.Hash]identity.Hash{}
	for _, h := range strands {
		if st := f.Strand(h); st != nil {
			if l, ok := st.Top(f.Rules(), f.Overrides()); ok {
				top[h] = l.Hash
				ids = append(ids, l.Hash)
			}
		}
	}
	if err := f.LoadIdentifiers(ids...); err != nil {
		return nil, err
	}
	owners := make([]codec.ProfileID, len(entries))
	for i := range entries {
		if entries[i].Kind == Computed {
			owners[i] = entries[i].profile
			continue
		}
		h := entries[i].subject
		if entries[i].Kind != Identifier {
			h = top[h]
		}
		if n := f.Identifier(h); n != nil {
			owners[i] = n.Owner
		}
	}
	return owners, f.load(owners)
}

// load reads profiles that were not read yet, together. Those that are not there, or are
// of the other collection, have no person.
func (f *finder) load(want []codec.ProfileID) error {
	var news []codec.ProfileID
	for _, p := range want {
		if _, known := f.people[p]; !known && !p.IsZero() {
			f.people[p] = nil
			news = append(news, p)
		}
	}
	found, err := bulk.Read(f.View, news)
	if err != nil {
		return err
	}
	ids := make([]codec.ProfileID, len(found))
	for i, p := range found {
		ids[i] = p.ID
	}
	computed, err := f.told.traits(f.Context(), f.Reader(), ids)
	if err != nil {
		return err
	}
	for i, p := range found {
		if p.Record.Collection == f.q.Collection {
			f.people[p.ID] = f.person(p, computed[i])
		}
	}
	return nil
}

// person lists the values of a profile.
func (f *finder) person(p *bulk.Profile, computed []profile.Trait) *person {
	out := &person{Profile: p}
	out.computed(computed)
	for i := range p.Identifiers {
		one := identity.ID{Type: p.Identifiers[i].Type, Value: p.Identifiers[i].Value}
		if e, ok := idEntry(one, f.Hasher().ID(p.Record.Collection, one)); ok {
			out.values = append(out.values, held{Value{e.Field, Fold(one.Value)}, e.subject})
		}
	}
	for i := range p.Traits {
		for _, v := range appendTrait(nil, &p.Traits[i].Trait) {
			out.values = append(out.values, held{v, p.Traits[i].Strand})
		}
	}
	slices.SortFunc(out.values, func(a, b held) int {
		return cmp.Or(cmp.Compare(a.Field.Kind, b.Field.Kind), cmp.Compare(a.Field.Name, b.Field.Name),
			cmp.Compare(term(a.Text), term(b.Text)), slices.Compare(a.subject[:], b.subject[:]), cmp.Compare(a.Text, b.Text))
	})
	return out
}

// hit is what is shown of a person.
func (p *person) hit(c identity.Collection) Hit {
	h := Hit{ID: p.ID.Text(c), Collection: c, Provisional: p.Provisional, Identifiers: p.Identifiers}
	for i := range p.Traits {
		h.Traits = append(h.Traits, p.Traits[i].Trait)
	}
	return h
}
