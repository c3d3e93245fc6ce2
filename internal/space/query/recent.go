package query

import (
	"context"
	"slices"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// Recent is an event that was stored lately, and what it did.
type Recent struct {
	journal.Event
	StoredAt int64  // when its commit was made, nanoseconds since 1970
	Profile  string // of its user, or else of its account; "" if it is nobody's
	// Changes are what the commit says of the event: profiles created and merged,
	// identifiers added and left out, traits set.
	Changes []feed.Change
}

const (
	// recentRecords bounds the records of the feed that are looked at.
	recentRecords = 200
	mostRecent    = 500
)

// Recent lists the events that were stored last, the newest first, up to limit (1 to
// 500), and not those of commits before since (nanoseconds since 1970; 0: any).
func (r *Reader) Recent(ctx context.Context, since int64, limit int) ([]Recent, error) {
	v, err := r.space.View(ctx)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	back, err := feed.Back(ctx, v.Reader(), v.Keys(), nil)
	if err != nil {
		return nil, err
	}
	limit = min(max(limit, 1), mostRecent)
	var out []Recent
	var of []identity.Hash // the strand of each; zero: none
	for range recentRecords {
		rec, ok, err := back.Next(ctx)
		if err != nil {
			return nil, err
		}
		if !ok || rec.Time < since || len(out) >= limit {
			break
		}
		blocks := slices.Clone(rec.Blocks)
		slices.Reverse(blocks)
		for _, number := range blocks {
			if len(out) >= limit {
				break
			}
			b, err := journal.Read(ctx, v.Reader(), v.Keys(), number)
			if err != nil {
				return nil, err
			}
			for i := len(b.Heads) - 1; i >= 0 && len(out) < limit; i-- {
				e, _, st := b.Event(i)
				if st == journal.Gone {
					continue
				}
				one := Recent{Event: e, StoredAt: rec.Time}
				for _, c := range rec.Changes {
					if c.MessageID != "" && c.MessageID == e.MessageID {
						one.Changes = append(one.Changes, c)
					}
				}
				var strand identity.Hash
				switch h := &b.Heads[i]; {
				case h.HasUser:
					strand = h.User
				case h.HasAccount:
					strand = h.Account
				}
				out, of = append(out, one), append(of, strand)
			}
		}
	}
	owners, err := ownersOf(v, of)
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Profile = owners[of[i]]
	}
	return out, nil
}

// ownersOf names the profiles that strands belong to.
func ownersOf(v *space.View, strands []identity.Hash) (map[identity.Hash]string, error) {
	strands = slices.DeleteFunc(slices.Clone(strands), func(h identity.Hash) bool { return h == identity.Hash{} })
	if err := v.LoadStrands(strands...); err != nil {
		return nil, err
	}
	var ids []identity.Hash
	for _, h := range strands {
		if st := v.Strand(h); st != nil {
			for i := range st.Links {
				ids = append(ids, st.Links[i].Hash)
			}
		}
	}
	if err := v.LoadIdentifiers(ids...); err != nil {
		return nil, err
	}
	out := map[identity.Hash]string{}
	for _, h := range strands {
		st := v.Strand(h)
		if st == nil {
			continue
		}
		for i := range st.Links {
			l := &st.Links[i]
			if n := v.Identifier(l.Hash); l.Verdict == identity.Accepted && n != nil && !n.Owner.IsZero() {
				out[h] = n.Owner.Text(st.Collection)
				break
			}
		}
	}
	return out, nil
}
