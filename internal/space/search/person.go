package search

import (
	"cmp"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// person is a profile as it is now, with the values under which it can be found.
type person struct {
	id          codec.ProfileID
	provisional bool
	identifiers []profile.Identifier
	traits      profile.Traits
	values      []held // in the order of the index
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
		if entries[i].Kind == Identifier {
			ids = append(ids, entries[i].subject)
		} else {
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
	if err := f.LoadProfiles(news...); err != nil {
		return err
	}
	// All of each kind in one round trip; afterwards nothing has to be read.
	var ids []identity.Hash
	for _, p := range news {
		if rec := f.Profile(p); rec != nil {
			for _, m := range rec.IDs {
				ids = append(ids, m.Hash)
			}
		}
	}
	lists, err := f.Accepting(ids)
	if err != nil {
		return err
	}
	accepting := map[identity.Hash][]identity.Hash{}
	var strands []identity.Hash
	for i, id := range ids {
		accepting[id] = lists[i]
		strands = append(strands, lists[i]...)
	}
	if err := f.LoadStrands(strands...); err != nil {
		return err
	}
	if _, err := f.TraitsOf(strands...); err != nil {
		return err
	}
	for _, p := range news {
		rec := f.Profile(p)
		if rec == nil || rec.Merged || rec.Collection != f.q.Collection {
			continue
		}
		if f.people[p], err = f.person(p, rec, accepting); err != nil {
			return err
		}
	}
	return nil
}

// person folds a profile whose records were loaded.
func (f *finder) person(id codec.ProfileID, rec *codec.Profile, accepting map[identity.Hash][]identity.Hash) (*person, error) {
	p := &person{id: id, provisional: f.Applying()}
	var strands []identity.Hash
	seen := map[identity.Hash]bool{}
	var lists [][]profile.Identifier
	for _, m := range rec.IDs {
		n := f.Identifier(m.Hash)
		p.provisional = p.provisional || n != nil && n.Pending
		for _, h := range accepting[m.Hash] {
			st := f.Strand(h)
			if seen[h] || st == nil || !f.Belongs(st, id) {
				continue
			}
			seen[h] = true
			strands = append(strands, h)
			lists = append(lists, accepted(st))
		}
	}
	rows, err := f.TraitsOf(strands...)
	if err != nil {
		return nil, err
	}
	p.identifiers = profile.FoldIdentifiers(lists...)
	for i := range p.identifiers {
		one := identity.ID{Type: p.identifiers[i].Type, Value: p.identifiers[i].Value}
		if e, ok := idEntry(one, f.Hasher().ID(rec.Collection, one)); ok {
			p.values = append(p.values, held{Value{e.Field, Fold(one.Value)}, e.subject})
		}
	}
	p.addTraits(strands, rows)
	slices.SortFunc(p.values, func(a, b held) int {
		return cmp.Or(cmp.Compare(a.Field.Kind, b.Field.Kind), cmp.Compare(a.Field.Name, b.Field.Name),
			cmp.Compare(term(a.Text), term(b.Text)), slices.Compare(a.subject[:], b.subject[:]), cmp.Compare(a.Text, b.Text))
	})
	return p, nil
}

// addTraits folds the traits of strands, and says of each value which strand has it.
func (p *person) addTraits(strands []identity.Hash, rows []profile.Traits) {
	type won struct {
		profile.Trait
		strand identity.Hash
	}
	last := map[string]won{}
	for i, row := range rows {
		for _, t := range row {
			if old, there := last[t.Name]; !there || old.Before(t.Moment) {
				last[t.Name] = won{t, strands[i]}
			}
		}
	}
	for _, w := range last {
		if w.Removed() {
			continue
		}
		p.traits = append(p.traits, w.Trait)
		for _, v := range appendTrait(nil, &w.Trait) {
			p.values = append(p.values, held{v, w.strand})
		}
	}
	slices.SortFunc(p.traits, func(a, b profile.Trait) int { return cmp.Compare(a.Name, b.Name) })
}

// accepted are the identifiers that a strand gives to its profile.
func accepted(st *codec.Strand) []profile.Identifier {
	var list []profile.Identifier
	for k := range st.Links {
		if l := &st.Links[k]; l.Verdict == identity.Accepted {
			list = append(list, profile.Identifier{Type: l.ID.Type, Value: l.ID.Value, Moment: l.At.Moment, Source: st.Source})
		}
	}
	return list
}

// hit is what is shown of a person.
func (p *person) hit(c identity.Collection) Hit {
	return Hit{ID: p.id.Text(c), Collection: c, Provisional: p.provisional, Identifiers: p.identifiers, Traits: p.traits}
}
