package search

import (
	"bytes"
	"context"
	"encoding/base64"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Query is what is looked for.
type Query struct {
	Collection identity.Collection
	Conditions []Condition // all of them have to fit
	Limit      int         // 1 to 200
	Next       string      // of the page before
}

// Page is a page of what was found.
type Page struct {
	Hits   []Hit
	Next   string // "": there are no more. A page may be short, or empty, and have one
	Status Status
}

// Hit is a profile that was found, as it is now.
type Hit struct {
	ID          string
	Collection  identity.Collection
	Provisional bool    // pending work may still change who this is
	Matches     []Match // the values that fit, one for each condition
	Identifiers []profile.Identifier
	Traits      profile.Traits // removed ones left out
}

// Match is a value that fits.
type Match struct {
	Identifier string // its type; "" for traits
	Trait      string // its name, with its path
	Value      string // folded
}

const (
	mostHits = 200
	// mostCandidates is how many entries of the index one page looks at.
	mostCandidates = 5000
	// longest is how long one page looks before it is given as it is.
	longest = time.Second
)

// probes are how many entries of each condition are counted to choose the one that
// leads: more where all have more than the number before.
var probes = [...]int{200, 20_000}

// Find reads a page of the profiles that fit, in the order of the values that are
// found. Each comes once. What the index says is compared with the profile as it is
// now; what the index does not say yet is missing, see Status. Errors:
// space.ErrBadCursor, those of the store.
func (x *Index) Find(ctx context.Context, q Query) (Page, error) {
	v, err := x.space.View(ctx)
	if err != nil {
		return Page{}, err
	}
	defer v.Close()
	f := &finder{View: v, q: q, told: x.indexer.told, people: map[codec.ProfileID]*person{}}
	status, err := f.status(ctx)
	if err != nil {
		return Page{}, err
	}
	page := Page{Status: status}
	q.Limit = min(max(q.Limit, 1), mostHits)
	for i := range q.Conditions {
		if own, ok := ownID(&q.Conditions[i]); ok {
			return page, f.findOwn(own, &page)
		}
	}
	lead, err := f.choose(ctx)
	if err != nil {
		return Page{}, err
	}
	ranges, err := f.ranges(ctx, lead)
	if err != nil {
		return Page{}, err
	}
	if q.Next != "" {
		behind, err := base64.RawURLEncoding.DecodeString(q.Next)
		if _, ok := parseEntry(behind); err != nil || !ok {
			return Page{}, space.ErrBadCursor
		}
		ranges = f.behind(ranges, behind)
	}
	return page, f.scan(ctx, lead, ranges, q.Limit, &page)
}

// finder answers one query from one snapshot.
type finder struct {
	*space.View
	q      Query
	told   Told
	people map[codec.ProfileID]*person
}

// ownID is the profile ID that a condition names.
func ownID(c *Condition) (string, bool) {
	if c.Field != "" && c.Field != "segment_id" {
		return "", false
	}
	_, _, ok := codec.ParseProfileID(c.Text)
	return c.Text, ok
}

func (f *finder) findOwn(own string, page *Page) error {
	id, collection, _ := codec.ParseProfileID(own)
	if collection != f.q.Collection {
		return nil
	}
	id, err := f.Resolve(space.Ref{Collection: collection, Value: own})
	if err == nil {
		err = f.load([]codec.ProfileID{id})
	}
	if err != nil {
		if err == space.ErrNotFound {
			return nil
		}
		return err
	}
	p := f.people[id]
	if p == nil {
		return nil
	}
	hit := p.hit(f.q.Collection)
	for i := range f.q.Conditions {
		c := &f.q.Conditions[i]
		if _, is := ownID(c); is {
			continue
		}
		at := p.first(c)
		if at < 0 {
			return nil
		}
		hit.Matches = append(hit.Matches, p.values[at].match())
	}
	page.Hits = append(page.Hits, hit)
	return nil
}

// choose returns the condition that the fewest entries fit, of those that are counted.
func (f *finder) choose(ctx context.Context) (*Condition, error) {
	best := &f.q.Conditions[0]
	if len(f.q.Conditions) == 1 {
		return best, nil
	}
	for _, most := range probes {
		least := most + 1
		for i := range f.q.Conditions {
			n, err := f.count(ctx, &f.q.Conditions[i], least)
			if err != nil {
				return nil, err
			}
			if n < least {
				best, least = &f.q.Conditions[i], n
			}
		}
		if least <= most {
			break
		}
	}
	return best, nil
}

// count counts the entries that fit a condition, up to most.
func (f *finder) count(ctx context.Context, c *Condition, most int) (int, error) {
	ranges, err := f.ranges(ctx, c)
	n := 0
	for _, r := range ranges {
		for from := r.From; err == nil && n < most; {
			var page []kv.Entry
			together := min(most-n, scanPage)
			if page, err = f.Reader().Scan(ctx, from, r.To, together, false); err != nil {
				break
			}
			if n += len(page); len(page) < together {
				break
			}
			from = kv.After(page[len(page)-1].Key)
		}
	}
	return n, err
}

// ranges are the parts of the index in which a condition looks, in order.
func (f *finder) ranges(ctx context.Context, c *Condition) ([]kv.Range, error) {
	fields := []Field{{Computed, c.Field}, {Identifier, c.Field}, {Trait, c.Field}} // in the order of the index
	if c.Field == "" {
		types, err := f.fields(ctx, Identifier)
		if err != nil {
			return nil, err
		}
		fields = append(types, Field{Kind: Words})
	}
	list := make([]kv.Range, len(fields))
	for i, field := range fields {
		b := append(appendField(nil, field), term(c.folded)...)
		if !c.Prefix {
			b = append(b, 0)
		}
		from := codec.SearchEntries.Key(f.Keys(), byte(f.q.Collection), string(b))
		list[i] = kv.Range{From: from, To: kv.PrefixEnd(from)}
	}
	return list, nil
}

// behind leaves out of ranges what is not behind an entry.
func (f *finder) behind(ranges []kv.Range, e []byte) []kv.Range {
	from := kv.After(codec.SearchEntries.Key(f.Keys(), byte(f.q.Collection), string(e)))
	for len(ranges) > 0 && bytes.Compare(ranges[0].To, from) <= 0 {
		ranges = ranges[1:]
	}
	if len(ranges) > 0 && bytes.Compare(ranges[0].From, from) < 0 {
		ranges[0].From = from
	}
	return ranges
}

// fields lists the fields of a kind that have entries, by name: one look for each.
func (f *finder) fields(ctx context.Context, kind Kind) ([]Field, error) {
	var list []Field
	start := codec.SearchEntries.Key(f.Keys(), byte(f.q.Collection), string([]byte{byte(kind)}))
	from, end := start, kv.PrefixEnd(start)
	for len(list) < mostFields {
		found, err := f.Reader().Scan(ctx, from, end, 1, false)
		if err != nil || len(found) == 0 {
			return list, err
		}
		_, rest, _ := codec.SearchEntries.Parse(found[0].Key)
		e, ok := parseEntry([]byte(rest))
		if !ok {
			return nil, kv.ErrCorrupt
		}
		list = append(list, e.Field)
		from = kv.PrefixEnd(codec.SearchEntries.Key(f.Keys(), byte(f.q.Collection), string(appendField(nil, e.Field))))
	}
	return list, nil
}

// mostFields bounds a list of fields.
const mostFields = 1000

// scan looks at the entries of ranges until a page is full.
func (f *finder) scan(ctx context.Context, lead *Condition, ranges []kv.Range, limit int, page *Page) error {
	looked, began := 0, time.Now()
	for _, r := range ranges {
		for from := r.From; ; {
			n := min(max(2*limit, 16), 256)
			entries, err := f.Reader().Scan(ctx, from, r.To, n, false)
			if err != nil {
				return err
			}
			found := make([]entry, len(entries))
			for i, e := range entries {
				_, rest, _ := codec.SearchEntries.Parse(e.Key)
				var ok bool
				if found[i], ok = parseEntry([]byte(rest)); !ok {
					return kv.ErrCorrupt
				}
			}
			owners, err := f.owners(found)
			if err != nil {
				return err
			}
			for i := range found {
				looked++
				hit, ok := f.fits(lead, &found[i], owners[i])
				if ok {
					page.Hits = append(page.Hits, hit)
				}
				if len(page.Hits) == limit || looked == mostCandidates {
					page.Next = base64.RawURLEncoding.EncodeToString(found[i].append(nil))
					return nil
				}
			}
			if len(entries) < n {
				break
			}
			if from = kv.After(entries[n-1].Key); time.Since(began) > longest {
				page.Next = base64.RawURLEncoding.EncodeToString(found[n-1].append(nil))
				return nil
			}
		}
	}
	return nil
}

// fits reports whether an entry of the leading condition shows a profile: the profile
// still has the value, all other conditions fit, and no earlier entry shows it.
func (f *finder) fits(lead *Condition, e *entry, owner codec.ProfileID) (Hit, bool) {
	p := f.people[owner]
	if p == nil {
		return Hit{}, false
	}
	at := p.first(lead)
	if at < 0 || p.values[at].Field != e.Field || term(p.values[at].Text) != e.term || p.values[at].subject != e.subject {
		return Hit{}, false
	}
	hit := p.hit(f.q.Collection)
	for i := range f.q.Conditions {
		if at = p.first(&f.q.Conditions[i]); at < 0 {
			return Hit{}, false
		}
		hit.Matches = append(hit.Matches, p.values[at].match())
	}
	return hit, true
}

// match is what the API says of a value.
func (v *held) match() Match {
	m := Match{Value: v.Text}
	switch v.Field.Kind {
	case Identifier:
		m.Identifier = v.Field.Name
	case Trait, Computed:
		m.Trait = v.Field.Name
	}
	return m
}

// first is the first value that fits a condition, in the order of the index; -1: none.
func (p *person) first(c *Condition) int {
	return slices.IndexFunc(p.values, func(v held) bool { return c.fits(&v.Value) })
}
