package search

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// entry is an entry of the index: a strand that has a value of a trait, or an
// identifier. Whose it is, is found when it is read, so that merges, undo and other
// rules touch no entry.
type entry struct {
	Field
	term    string
	subject identity.Hash   // of the identifier, or of the strand
	profile codec.ProfileID // of a computed trait, in place of the subject
}

// An entry's key, behind its collection, is
//
//	kind(1) name 0x00 term 0x00 subject(16)
//
// or, of a computed trait, profile(20) in place of the subject. Neither names nor terms
// have a byte 0x00.
func (e *entry) append(b []byte) []byte {
	b = appendField(b, e.Field)
	b = append(append(b, e.term...), 0)
	if e.Kind == Computed {
		return append(b, e.profile[:]...)
	}
	return append(b, e.subject[:]...)
}

func appendField(b []byte, f Field) []byte {
	return append(append(append(b, byte(f.Kind)), f.Name...), 0)
}

func parseEntry(rest []byte) (e entry, ok bool) {
	subject := e.subject[:]
	if len(rest) > 0 && Kind(rest[0]) == Computed {
		subject = e.profile[:]
	}
	n := len(subject)
	if len(rest) < 1+1+1+n {
		return e, false
	}
	copy(subject, rest[len(rest)-n:])
	rest = rest[:len(rest)-n]
	e.Kind = Kind(rest[0])
	i := bytes.IndexByte(rest, 0)
	if i < 1 || rest[len(rest)-1] != 0 || len(rest) < i+2 {
		return e, false
	}
	e.Name, e.term = string(rest[1:i]), string(rest[i+1:len(rest)-1])
	return e, true
}

// key is the entry's key in a collection.
func (e *entry) key(ks codec.Keyspace, c identity.Collection) []byte {
	return codec.SearchEntries.Key(ks, byte(c), string(e.append(nil)))
}

// listed is what the index says of a strand: the fields and terms of its traits, so
// that what changes can be told from what stays.
type listed struct {
	collection identity.Collection
	terms      []Value // Text is a term
}

// listedOf is what the index is to say of a strand with these traits.
func listedOf(c identity.Collection, traits profile.Traits) listed {
	l := listed{collection: c}
	for i := range traits {
		l.terms = appendTrait(l.terms, &traits[i])
	}
	l.sort()
	return l
}

// computedOf is what the index is to say of a profile with these computed traits.
func computedOf(c identity.Collection, traits []profile.Trait) listed {
	l := listed{collection: c}
	for i := range traits {
		l.terms = appendComputed(l.terms, &traits[i])
	}
	l.sort()
	return l
}

// sort turns values into terms, sorted, each once.
func (l *listed) sort() {
	for i := range l.terms {
		l.terms[i].Text = term(l.terms[i].Text)
	}
	slices.SortFunc(l.terms, compareValues)
	l.terms = slices.Compact(l.terms)
}

func compareValues(a, b Value) int {
	return cmp.Or(cmp.Compare(a.Field.Kind, b.Field.Kind), cmp.Compare(a.Field.Name, b.Field.Name), cmp.Compare(a.Text, b.Text))
}

const listedVersion = 1

func (l *listed) append(b []byte) []byte {
	b = append(b, listedVersion, byte(l.collection))
	for _, t := range l.terms {
		b = append(b, byte(t.Field.Kind))
		b = codec.AppendText(b, t.Field.Name)
		b = codec.AppendText(b, t.Text)
	}
	return b
}

func decodeListed(b []byte) (listed, error) {
	if len(b) == 0 {
		return listed{}, nil
	}
	r := &codec.Reader{Rest: b}
	r.Version(listedVersion)
	l := listed{collection: identity.Collection(r.Byte())}
	for r.Err == nil && len(r.Rest) > 0 {
		l.terms = append(l.terms, Value{Field{Kind(r.Byte()), r.Text()}, r.Text()})
	}
	return l, r.Err
}

// changes calls put and gone with the entries that a strand, or a profile, gets and loses;
// of says whose they are.
func (l *listed) changes(of entry, next *listed, put, gone func(identity.Collection, *entry)) {
	a, b := l.terms, next.terms
	entryOf := func(v Value) *entry {
		e := of
		e.Field, e.term = v.Field, v.Text
		return &e
	}
	if l.collection != next.collection {
		for _, t := range a {
			gone(l.collection, entryOf(t))
		}
		a = nil
	}
	for len(a) > 0 || len(b) > 0 {
		c := -1
		switch {
		case len(a) == 0:
			c = 1
		case len(b) > 0:
			c = compareValues(a[0], b[0])
		}
		if c < 0 {
			gone(l.collection, entryOf(a[0]))
		}
		if c > 0 {
			put(next.collection, entryOf(b[0]))
		}
		if c <= 0 {
			a = a[1:]
		}
		if c >= 0 {
			b = b[1:]
		}
	}
}
