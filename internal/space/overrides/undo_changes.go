package overrides

import (
	"errors"
	"slices"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// regroup applies a change to the transaction and gathers what is different.
func (w *undoing) regroup(c *identity.Change) error {
	touched, err := w.owners(c)
	if err != nil {
		return err
	}
	for _, p := range touched {
		if err := w.see(w.was, w.before, p, false); err != nil {
			return err
		}
	}
	if err := w.leftOut(c); err != nil {
		return err
	}
	for _, m := range c.Bare {
		if n := w.was.Identifier(m.Hash); n != nil && !n.Owner.IsZero() {
			w.out.Unowned = append(w.out.Unowned, m.ID)
		}
	}
	if err := w.tx.Regroup(c); err != nil {
		return err
	}
	for p, rec := range w.tx.Changed() {
		if rec != nil && !rec.Merged {
			touched = append(touched, p)
		}
	}
	for _, p := range touched {
		if err := w.see(w.was, w.before, p, false); err != nil {
			return err
		}
		isNew := w.was.Profile(p) == nil
		if err := w.see(&w.tx.View, w.after, p, isNew); err != nil {
			return err
		}
	}
	var before, after []*summarized
	for p, f := range w.before {
		if !f.same(w.after[p]) {
			before = append(before, f)
		}
	}
	for p, f := range w.after {
		if !f.same(w.before[p]) {
			after = append(after, f)
		}
	}
	w.out.Before, w.out.After = summaries(before), summaries(after)
	return nil
}

// see gathers a profile as a view has it, if it is there.
func (w *undoing) see(d *space.View, into map[codec.ProfileID]*summarized, p codec.ProfileID, isNew bool) error {
	if into[p] != nil {
		return nil
	}
	if err := d.LoadProfiles(p); err != nil {
		return err
	}
	g, err := query.Collect(d, p)
	if errors.Is(err, space.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	w.out.Provisional = w.out.Provisional || g.Pending
	into[p], err = summarize(d, g, isNew)
	return err
}

// owners lists the profiles that own what a change speaks of.
func (w *undoing) owners(c *identity.Change) ([]codec.ProfileID, error) {
	var hashes []identity.Hash
	for _, g := range c.Groups {
		for i := range g {
			hashes = append(hashes, g[i].Hash)
		}
	}
	for i := range c.Bare {
		hashes = append(hashes, c.Bare[i].Hash)
	}
	if err := w.was.LoadOwners(hashes...); err != nil {
		return nil, err
	}
	var out []codec.ProfileID
	seen := map[codec.ProfileID]bool{}
	for _, h := range hashes {
		if p, rec := w.was.Owner(h); rec != nil && !seen[p] {
			seen[p] = true
			out = append(out, p)
		}
	}
	return out, nil
}

// leftOut lists the links that were accepted and are not any more.
func (w *undoing) leftOut(c *identity.Change) error {
	hashes := make([]identity.Hash, len(c.Strands))
	for i, s := range c.Strands {
		hashes[i] = s.Hash
	}
	if err := w.was.LoadStrands(hashes...); err != nil {
		return err
	}
	var alone []*codec.Strand
	for _, s := range c.Strands {
		old := w.was.Strand(s.Hash)
		if old != nil && belongs(old.Strand) && !belongs(s) {
			alone = append(alone, old)
		}
		for i := range s.Links {
			l := &s.Links[i]
			if l.Verdict == identity.Accepted || old == nil || old.Links[i].Verdict != identity.Accepted {
				continue
			}
			if w.out.LeftOuts++; w.out.LeftOuts > mostLeftOut {
				continue
			}
			lo := LeftOut{Strand: s.Hash, ID: l.ID, Reason: l.Reason.String()}
			for k := range s.Links {
				lo.IDs = append(lo.IDs, s.Links[k].ID)
			}
			w.out.LeftOut = append(w.out.LeftOut, lo)
		}
	}
	var err error
	w.out.Unresolved, err = query.CountStrandEvents(w.was, alone, briefEvents)
	return err
}

// belongs reports whether a strand is of a profile.
func belongs(s *identity.Strand) bool {
	return slices.ContainsFunc(s.Links, func(l identity.Link) bool { return l.Verdict == identity.Accepted })
}

// tellTraits tells the feed how traits of profiles differ after a regrouping: no
// event said so.
func (w *undoing) tellTraits() {
	tell := func(p codec.ProfileID, was, is profile.Traits) {
		c := w.out.Override.Collection
		for _, t := range was {
			if now, ok := is.Get(t.Name); !t.Removed() && (!ok || now.Removed()) {
				w.tx.Tell(p, c, feed.Change{Kind: feed.TraitRemoved, Trait: t.Name, Time: w.now})
			}
		}
		for _, t := range is {
			if old, ok := was.Get(t.Name); !t.Removed() && (!ok || old.Removed() || string(old.Value) != string(t.Value)) {
				w.tx.Tell(p, c, feed.Change{Kind: feed.TraitSet, Trait: t.Name, Value: t.Value, Time: w.now})
			}
		}
	}
	for p, f := range w.after {
		var was profile.Traits
		if b := w.before[p]; b != nil {
			was = b.traits
		}
		tell(p, was, f.traits)
	}
}
