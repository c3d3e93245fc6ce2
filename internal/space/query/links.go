package query

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// mostLinks is how many pairs of strands a profile's links are folded from.
const mostLinks = 100_000

// Links reads a page of the accounts of a user, or the users of an account, in
// the order of their profile IDs.
func (r *Reader) Links(ctx context.Context, ref space.Ref, limit int, next string) (LinkPage, error) {
	if next != "" {
		if _, _, ok := codec.ParseProfileID(next); !ok {
			return LinkPage{}, space.ErrBadCursor
		}
	}
	if ref.AsOf != 0 {
		return LinkPage{}, fmt.Errorf("%w: links are shown as of now only, for the profiles at their other ends are those of now", space.ErrInvalid)
	}
	v, err := r.space.View(ctx)
	if err != nil {
		return LinkPage{}, err
	}
	defer v.Close()
	g, err := snapshotOf(v, ref)
	if err != nil {
		return LinkPage{}, err
	}
	byProfile, err := g.linked()
	if err != nil {
		return LinkPage{}, err
	}
	links := make([]Link, 0, len(byProfile))
	for _, l := range byProfile {
		links = append(links, l)
	}
	slices.SortFunc(links, func(a, b Link) int { return cmp.Compare(a.To, b.To) })
	page := LinkPage{Profile: g.ID.Text(g.Record.Collection), Provisional: g.Pending}
	limit = min(max(limit, 1), 1000)
	for _, l := range links {
		if l.To <= next {
			continue
		}
		if len(page.Links) == limit {
			page.Next = page.Links[limit-1].To
			break
		}
		other, err := snapshotOf(v, space.Ref{Collection: l.Collection, Value: l.To})
		if err != nil {
			return LinkPage{}, err
		}
		l.Identifiers = other.Identifiers()
		if err := NameIdentifiers(v, l.Identifiers); err != nil {
			return LinkPage{}, err
		}
		page.Links = append(page.Links, l)
	}
	return page, nil
}

// linked folds the pairs of the profile's strands into links to profiles.
func (g *ProfileSnapshot) linked() (map[string]Link, error) {
	v := g.view
	near, far := codec.UserAccounts, identity.Accounts
	if g.Record.Collection == identity.Accounts {
		near, far = codec.AccountUsers, identity.Users
	}
	type pair struct {
		other identity.Hash
		key   []byte
	}
	var pairs []pair
	var others []identity.Hash
	for _, st := range g.Strands {
		from, end := codec.Under(near.Of(v.Keys(), st.Hash))
		for len(pairs) < mostLinks {
			page, err := v.Reader().Scan(v.Context(), from, end, queryPage, false)
			if err != nil {
				return nil, err
			}
			for _, e := range page {
				_, o, ok := near.Parse(e.Key)
				if !ok {
					return nil, kv.ErrCorrupt
				}
				key := e.Key
				if g.Record.Collection == identity.Accounts {
					key = codec.UserAccounts.Key(v.Keys(), o, st.Hash)
				}
				pairs = append(pairs, pair{o, key})
				others = append(others, o)
			}
			if len(page) < queryPage {
				break
			}
			from = kv.After(page[len(page)-1].Key)
		}
	}
	out := map[string]Link{}
	if len(pairs) == 0 {
		return out, nil
	}
	if err := v.LoadStrands(others...); err != nil {
		return nil, err
	}
	var tops []identity.Hash
	topOf := map[identity.Hash]identity.Hash{}
	for _, o := range others {
		if st := v.Strand(o); st != nil {
			if top, ok := st.Top(v.Rules(), v.Overrides()); ok {
				topOf[o] = top.Hash
				tops = append(tops, top.Hash)
			}
		}
	}
	if err := v.LoadIdentifiers(tops...); err != nil {
		return nil, err
	}
	keys := make([][]byte, len(pairs))
	for i, p := range pairs {
		keys[i] = p.key
	}
	values, err := v.Reader().Get(v.Context(), keys...)
	if err != nil {
		return nil, err
	}
	for i, p := range pairs {
		n := v.Identifier(topOf[p.other])
		if n == nil || n.Owner.IsZero() || values[i] == nil {
			continue
		}
		rec, err := codec.DecodePair(values[i])
		if err != nil {
			return nil, err
		}
		to := n.Owner.Text(far)
		l, ok := out[to]
		if !ok || rec.Before(l.seen) {
			out[to] = Link{To: to, Collection: far, FirstSeen: rec.Time, Source: rec.Source, MessageID: rec.MessageID, seen: rec.Moment}
		}
	}
	return out, nil
}

// Link is one edge between a user and an account.
type Link struct {
	To          string // the profile ID at the other end
	Collection  identity.Collection
	FirstSeen   int64
	Source      string
	MessageID   string
	Identifiers []profile.Identifier // of the profile at the other end
	seen        event.Moment
}

// LinkPage is a page of links; Next is "" on the last.
type LinkPage struct {
	Profile     string // the profile's own ID
	Provisional bool   // see Profile
	Links       []Link
	Next        string
}
