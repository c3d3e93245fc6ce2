package duplicates

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Suggestion is a few profiles that may be one person.
type Suggestion struct {
	ID       string // names the sign; it stays the same
	Sign     Sign   // what they have in common
	Since    int64  // when it was found that several have it, nanoseconds since 1970
	Profiles []Profile

	// Dismissed is who said that they are several people; nil if nobody did, or if
	// another profile has the sign since.
	Dismissed *Dismissal
}

// Profile is a profile that may be a duplicate.
type Profile struct {
	ID          string
	Identifiers []identity.ID // by priority, at most mostIdentifiers
	IDs         int           // all of them
	Traits      []profile.Trait
}

// Dismissal says who dismissed a suggestion.
type Dismissal struct {
	At  int64  `json:"at"`
	By  string `json:"by"`
	For string `json:"for,omitempty"`
	Why string `json:"why,omitempty"`
}

// dismissalRecord is a Dismissal as it is stored: of profiles that are several
// people.
type dismissalRecord struct {
	Dismissal
	Profiles []string `json:"profiles"`
}

const (
	// mostAlike is how many profiles may have a sign for it to be a suggestion: the
	// number of an office or of a shop says nothing about a person.
	mostAlike       = 20
	mostIdentifiers = 20
	mostLooked      = 2000 // signs that one page looks at
)

// Page is a page of suggestions. Next is "" on the last; another one may have fewer
// suggestions than were asked for, or none.
type Page struct {
	Suggestions []Suggestion
	Next        string
}

// Query says what Duplicates lists.
type Query struct {
	Kind      Kind // 0: all
	Dismissed bool // those that were dismissed, and not the others
	Limit     int  // 1 to 1000
	Next      string
}

// Duplicates lists which profiles may be one person, those whose sign says most first, and
// else in an order without meaning. What came to a profile in the last moments may
// not be seen yet. space.ErrBadCursor if Next is not one of ours.
func (d *Finder) Duplicates(ctx context.Context, q Query) (Page, error) {
	v, err := d.space.View(ctx)
	if err != nil {
		return Page{}, err
	}
	defer v.Close()
	from, end := codec.Duplicates.All(v.Keys())
	if q.Kind != 0 {
		from, end = codec.Under(codec.Duplicates.Of(v.Keys(), byte(q.Kind)))
	}
	if q.Next != "" {
		s, ok := parseID(q.Next)
		if !ok {
			return Page{}, space.ErrBadCursor
		}
		if after := kv.After(codec.Duplicates.Key(v.Keys(), s.kind, s.hash)); string(after) > string(from) {
			from = after
		}
	}
	var page Page
	last := ""
	for looked := 0; ; {
		entries, err := v.Reader().Scan(ctx, from, end, 128, false)
		if err != nil {
			return Page{}, err
		}
		for _, e := range entries {
			kind, hash, ok := codec.Duplicates.Parse(e.Key)
			if !ok || len(e.Value) != 8 {
				return Page{}, fmt.Errorf("%w: a possible duplicate", kv.ErrCorrupt)
			}
			if len(page.Suggestions) == q.Limit || looked == mostLooked {
				page.Next = last
				return page, nil
			}
			looked++
			s := sign{kind, hash}
			last = s.id()
			one, err := suggestion(v, s, codec.ParseTime(e.Value))
			if err != nil {
				return Page{}, err
			}
			if one != nil && (one.Dismissed != nil) == q.Dismissed {
				page.Suggestions = append(page.Suggestions, *one)
			}
		}
		if len(entries) < 128 {
			return page, nil
		}
		from = kv.After(entries[len(entries)-1].Key)
	}
}

// Duplicate reads one suggestion. ErrNotFound if there is none of that ID, or none any
// more.
func (d *Finder) Duplicate(ctx context.Context, id string) (Suggestion, error) {
	v, err := d.space.View(ctx)
	if err != nil {
		return Suggestion{}, err
	}
	defer v.Close()
	_, one, err := named(v, id)
	return one, err
}

func named(v *space.View, id string) (sign, Suggestion, error) {
	missing := fmt.Errorf("duplicate %q: %w", id, space.ErrNotFound)
	s, ok := parseID(id)
	if !ok {
		return s, Suggestion{}, missing
	}
	got, err := v.Reader().Get(v.Context(), codec.Duplicates.Key(v.Keys(), s.kind, s.hash))
	if err != nil {
		return s, Suggestion{}, err
	}
	if len(got[0]) != 8 {
		return s, Suggestion{}, missing
	}
	one, err := suggestion(v, s, codec.ParseTime(got[0]))
	if err == nil && one == nil {
		err = missing
	}
	if err != nil {
		return s, Suggestion{}, err
	}
	return s, *one, nil
}

// suggestion looks at the profiles that had a sign, as they are now; nil if they are
// no suggestion any more.
func suggestion(v *space.View, s sign, at int64) (*Suggestion, error) {
	had, err := having(v, s, mostAlike+1)
	if err != nil || len(had) > mostAlike {
		return nil, err
	}
	one := &Suggestion{ID: s.id(), Since: at}
	var all []*gathered
	for _, p := range had {
		g, err := gather(v, p)
		if err != nil {
			return nil, err
		}
		if g == nil || len(g.ids) == 0 {
			continue // merged; where it went is read soon
		}
		signs := Signs(g.ids, g.traits)
		i := slices.IndexFunc(signs, func(x Sign) bool { return hashed(v, x) == s })
		if i < 0 {
			continue
		}
		one.Sign = signs[i]
		all = append(all, g)
	}
	if len(all) < 2 || allApart(v.Overrides(), all) {
		return nil, nil
	}
	slices.SortStableFunc(all, func(a, b *gathered) int { return v.Rules().ComparePriority(a.ids[0], b.ids[0]) })
	for _, g := range all {
		one.Profiles = append(one.Profiles, g.shown())
	}
	rec, _, err := dismissal(v, s)
	if err != nil {
		return nil, err
	}
	if rec != nil && !slices.ContainsFunc(one.Profiles, func(p Profile) bool { return !slices.Contains(rec.Profiles, p.ID) }) {
		one.Dismissed = &rec.Dismissal
	}
	return one, nil
}

// allApart reports whether people said of each two of some profiles that they are
// not one.
func allApart(ov *identity.Overrides, all []*gathered) bool {
	for i, a := range all {
		for _, b := range all[:i] {
			apart := false
			for h := range a.hashes {
				apart = apart || slices.ContainsFunc(ov.KeptFrom(h), func(o identity.Hash) bool { return b.hashes[o] })
			}
			if !apart {
				return false
			}
		}
	}
	return true
}

func (g *gathered) shown() Profile {
	p := Profile{ID: g.id.Text(identity.Users), IDs: len(g.ids), Identifiers: g.ids[:min(len(g.ids), mostIdentifiers)]}
	for _, t := range g.traits.Visible() {
		if signTrait(t.Name) {
			p.Traits = append(p.Traits, t)
		}
	}
	return p
}

func dismissal(v *space.View, s sign) (*dismissalRecord, []byte, error) {
	got, err := v.Reader().Get(v.Context(), codec.Dismissals.Key(v.Keys(), s.kind, s.hash))
	if err != nil || got[0] == nil {
		return nil, nil, err
	}
	rec := &dismissalRecord{}
	if err := json.Unmarshal(got[0], rec); err != nil {
		return nil, nil, fmt.Errorf("%w: a dismissed duplicate: %w", kv.ErrCorrupt, err)
	}
	return rec, got[0], nil
}

// DismissDuplicate says that the profiles of a suggestion are several people. It is suggested
// again only when another profile has the sign too, or when that is taken back. To dismiss
// what is dismissed changes nothing. ErrNotFound as in Duplicate. Who does it and why is in
// the context, see package audit.
func (d *Finder) DismissDuplicate(ctx context.Context, id string) (Suggestion, error) {
	return d.decide(ctx, id, true)
}

// RestoreDuplicate takes back that a suggestion was dismissed. Of one that was not it
// changes nothing. ErrNotFound as in Duplicate. Who does it and why is in the context.
func (d *Finder) RestoreDuplicate(ctx context.Context, id string) (Suggestion, error) {
	return d.decide(ctx, id, false)
}

// decide dismisses a suggestion or takes that back.
func (d *Finder) decide(ctx context.Context, id string, dismissed bool) (Suggestion, error) {
	for {
		// Of two who do it at once, the second finds it done.
		one, err := d.tryDecide(ctx, id, dismissed)
		if !errors.Is(err, kv.ErrConflict) {
			return one, err
		}
	}
}

func (d *Finder) tryDecide(ctx context.Context, id string, dismissed bool) (Suggestion, error) {
	v, err := d.space.View(ctx)
	if err != nil {
		return Suggestion{}, err
	}
	defer v.Close()
	s, one, err := named(v, id)
	if err != nil || dismissed == (one.Dismissed != nil) {
		return one, err
	}
	var ids []string
	for _, p := range one.Profiles {
		ids = append(ids, p.ID)
	}
	_, stored, err := dismissal(v, s)
	if err != nil {
		return Suggestion{}, err
	}
	action := "duplicate.restore"
	if dismissed {
		action = "duplicate.dismiss"
	}
	e := audit.New(ctx, v.Now().UnixNano(), action, id, map[string]any{"kind": one.Sign.Kind.String(), "profiles": ids})
	var b kv.Batch
	key := codec.Dismissals.Key(v.Keys(), s.kind, s.hash)
	b.Require(key, stored)
	one.Dismissed = nil
	if dismissed {
		rec := dismissalRecord{Dismissal{e.Time, e.By, e.For, e.Why}, ids}
		value, err := json.Marshal(rec)
		if err != nil {
			return Suggestion{}, err
		}
		b.Put(key, value)
		one.Dismissed = &rec.Dismissal
	} else {
		b.Delete(key)
	}
	if err := d.space.PutAudit(&b, e); err != nil {
		return Suggestion{}, err
	}
	if err := d.space.Store().Commit(ctx, &b); err != nil {
		return Suggestion{}, err
	}
	return one, nil
}

const idPrefix = "dup_"

func (s sign) id() string { return idPrefix + hex.EncodeToString(encodeSigns([]sign{s})) }

func parseID(text string) (sign, bool) {
	if len(text) != len(idPrefix)+2*signBytes || text[:len(idPrefix)] != idPrefix {
		return sign{}, false
	}
	b, err := hex.DecodeString(text[len(idPrefix):])
	if err != nil {
		return sign{}, false
	}
	list, _ := decodeSigns(b) // it has the length of one
	return list[0], true
}
