package space

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// mostLinks is how many pairs of strands a profile's links are folded from.
const mostLinks = 100_000

// Links reads a page of the accounts of a user, or the users of an account, in
// the order of their profile IDs.
func (s *Space) Links(ctx context.Context, ref Ref, limit int, next string) (LinkPage, error) {
	if next != "" {
		if _, _, ok := codec.ParseProfileID(next); !ok {
			return LinkPage{}, ErrBadCursor
		}
	}
	if ref.AsOf != 0 {
		return LinkPage{}, fmt.Errorf("%w: links are shown as of now only, for the profiles at their other ends are those of now", ErrInvalid)
	}
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return LinkPage{}, err
	}
	defer r.Close()
	g, err := s.snapshotOf(ctx, r, ref)
	if err != nil {
		return LinkPage{}, err
	}
	byProfile, err := s.linked(ctx, r, g)
	if err != nil {
		return LinkPage{}, err
	}
	links := make([]Link, 0, len(byProfile))
	for _, l := range byProfile {
		links = append(links, l)
	}
	slices.SortFunc(links, func(a, b Link) int { return cmp.Compare(a.To, b.To) })
	page := LinkPage{Profile: g.id.Text(g.rec.Collection), Provisional: g.pending}
	limit = min(max(limit, 1), 1000)
	for _, l := range links {
		if l.To <= next {
			continue
		}
		if len(page.Links) == limit {
			page.Next = page.Links[limit-1].To
			break
		}
		other, err := s.snapshotOf(ctx, r, Ref{Collection: l.Collection, Value: l.To})
		if err != nil {
			return LinkPage{}, err
		}
		l.Identifiers = other.identifiers()
		if err := nameIdentifiers(ctx, r, s.keys, l.Identifiers); err != nil {
			return LinkPage{}, err
		}
		page.Links = append(page.Links, l)
	}
	return page, nil
}

// linked folds the pairs of the profile's strands into links to profiles.
func (s *Space) linked(ctx context.Context, r kv.Reader, g *profileSnapshot) (map[string]Link, error) {
	near, far := codec.UserAccounts, identity.Accounts
	if g.rec.Collection == identity.Accounts {
		near, far = codec.AccountUsers, identity.Users
	}
	type pair struct {
		other identity.Hash
		key   []byte
	}
	var pairs []pair
	var others []identity.Hash
	for _, st := range g.strands {
		from, end := codec.Under(near.Of(s.keys, st.Hash))
		for len(pairs) < mostLinks {
			page, err := r.Scan(ctx, from, end, scanPage, false)
			if err != nil {
				return nil, err
			}
			for _, e := range page {
				_, o, ok := near.Parse(e.Key)
				if !ok {
					return nil, kv.ErrCorrupt
				}
				key := e.Key
				if g.rec.Collection == identity.Accounts {
					key = codec.UserAccounts.Key(s.keys, o, st.Hash)
				}
				pairs = append(pairs, pair{o, key})
				others = append(others, o)
			}
			if len(page) < scanPage {
				break
			}
			from = kv.After(page[len(page)-1].Key)
		}
	}
	out := map[string]Link{}
	if len(pairs) == 0 {
		return out, nil
	}
	d := g.d
	if err := d.LoadStrands(others...); err != nil {
		return nil, err
	}
	var tops []identity.Hash
	topOf := map[identity.Hash]identity.Hash{}
	for _, o := range others {
		if st := d.strands[o]; st != nil {
			if top, ok := st.Top(d.rules, d.engine.Overrides); ok {
				topOf[o] = top.Hash
				tops = append(tops, top.Hash)
			}
		}
	}
	if err := d.LoadIdentifiers(tops...); err != nil {
		return nil, err
	}
	keys := make([][]byte, len(pairs))
	for i, p := range pairs {
		keys[i] = p.key
	}
	values, err := r.Get(ctx, keys...)
	if err != nil {
		return nil, err
	}
	for i, p := range pairs {
		n := d.nodes[topOf[p.other]]
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
