package tx

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Occasion is an event as the identity of a strand sees it.
type Occasion struct {
	Pos       identity.Pos
	MessageID string // for people only
	Source    string
}

// noEvent is what changes are due to that no event made: the moment of the commit.
func (v *View) noEvent() Occasion {
	var e Occasion
	e.Pos.Time = v.now.UnixNano()
	return e
}

// Identify makes the strand of an event part of the graph: nothing to do when
// it is known and settled, else by the fast path or by a replay. ids are the
// strand's IDs in canonical order, and hashes their hashes.
func (tx *Tx) Identify(h identity.Hash, c identity.Collection, ids []identity.ID, hashes []identity.Hash, e Occasion) error {
	if err := tx.LoadStrands(h); err != nil {
		return err
	}
	known := tx.strands[h]
	if known != nil {
		e.Pos.Class = known.First.Class
		if known.Settled(tx.rules, e.Pos) {
			return nil
		}
	}
	var s *identity.Strand
	if known != nil {
		s = known.Strand.Clone()
	} else {
		s = identity.NewHashedStrand(h, c, ids, hashes)
		Detach(s.Links)
		e.Pos = s.Place(tx.rules, tx.engine.Overrides, e.Pos.Moment)
	}
	links, err := tx.loadLinks(s)
	if err != nil {
		return err
	}
	fast, err := tx.accept(s, known, links, e)
	if err != nil || fast {
		return err
	}
	seed := identity.Seed{Strand: s, Pos: e.Pos}
	change, err := tx.engine.Replay(tx, []identity.Seed{seed})
	if errors.Is(err, identity.ErrBound) {
		return tx.deferReplay(seed, known, links, e)
	}
	if err != nil {
		return err
	}
	tx.Done.Replays++
	tx.Done.Decisions += int64(change.Decisions)
	return tx.apply(change, e)
}

// NamesNobody reports whether an ID names nobody under the rules and overrides at work.
func (v *View) NamesNobody(l *identity.Link) bool {
	return v.engine.Overrides.NamesNobody(v.rules, l.ID, l.Hash)
}

// naming lists the IDs of a strand that name somebody.
func (v *View) naming(s *identity.Strand) []identity.Hash {
	links := make([]identity.Hash, 0, len(s.Links))
	for i := range s.Links {
		if !v.NamesNobody(&s.Links[i]) {
			links = append(links, s.Links[i].Hash)
		}
	}
	return links
}

// loadLinks loads what a decision about a strand needs to know of its IDs, and
// lists those that name somebody.
func (v *View) loadLinks(s *identity.Strand) ([]identity.Hash, error) {
	links := v.naming(s)
	if len(links) < len(s.Links) {
		for i := range s.Links {
			// It lists its strands, although they are not its own.
			if h := s.Links[i].Hash; v.engine.Overrides.Isolated(h) {
				if err := v.LoadIdentifiers(h); err != nil {
					return nil, err
				}
			}
		}
	}
	return links, v.LoadOwners(links...)
}

// Detach copies the IDs of a new strand into memory of their own. The writer
// remembers strands and IDs from commit to commit, while the body of a request,
// in which they lay, serves the next request.
func Detach(links []identity.Link) {
	n := 0
	for i := range links {
		n += len(links[i].ID.Type) + len(links[i].ID.Value)
	}
	var b strings.Builder
	b.Grow(n)
	for i := range links {
		b.WriteString(links[i].ID.Type)
		b.WriteString(links[i].ID.Value)
	}
	text := b.String()
	for i := range links {
		id := &links[i].ID
		id.Type, text = text[:len(id.Type)], text[len(id.Type):]
		id.Value, text = text[:len(id.Value)], text[len(id.Value):]
	}
}

// accept is the fast path: where nothing is demoted and no limit is in sight,
// strands commute and the profile is what the accepted links connect.
func (tx *Tx) accept(s *identity.Strand, known *codec.Strand, links []identity.Hash, e Occasion) (bool, error) {
	var owners []codec.ProfileID
	var censuses []*identity.Census
	var bare []identity.ID
	for i := range s.Links {
		l := &s.Links[i]
		if !slices.Contains(links, l.Hash) {
			continue // it names nobody
		}
		if tx.engine.Overrides.Concern(l.Hash) {
			return false, nil
		}
		p, rec := tx.Owner(l.Hash)
		if rec == nil {
			if n := tx.nodes[l.Hash]; n != nil && n.NonCommuting {
				return false, nil
			}
			bare = append(bare, l.ID)
			continue
		}
		if !slices.Contains(owners, p) {
			owners = append(owners, p)
			censuses = append(censuses, rec.Census())
		}
	}
	if !tx.engine.Commutes(s.Collection, censuses, bare) {
		return false, nil
	}
	rec := &codec.Strand{Strand: s}
	var old *identity.Strand
	if known != nil {
		old = known.Strand
		rec.Source, rec.MessageID, rec.Founded, rec.Revision = known.Source, known.MessageID, known.Founded, known.Revision
	}
	s.Accept(tx.rules, tx.engine.Overrides, e.Pos)
	if s.First == e.Pos {
		rec.Source, rec.MessageID = e.Source, strings.Clone(e.MessageID)
	}
	if err := tx.putStrand(rec, old); err != nil {
		return false, err
	}
	if len(links) == 0 {
		return true, nil
	}
	var into codec.ProfileID
	if len(owners) == 0 {
		var err error
		if into, err = tx.createProfile(rec, e); err != nil {
			return false, err
		}
	} else {
		into = owners[0]
		for _, p := range owners[1:] {
			if p.Less(into) {
				into = p
			}
		}
	}
	target := tx.profiles[into]
	for _, p := range owners {
		if p == into {
			continue
		}
		if err := tx.mergeInto(into, p, e); err != nil {
			return false, err
		}
	}
	for i := range s.Links {
		if l := &s.Links[i]; slices.Contains(links, l.Hash) && tx.nodes[l.Hash].Owner != into {
			tx.own(l, into)
			target.IDs = append(target.IDs, codec.Member{Hash: l.Hash, IDType: l.ID.Type})
			tx.Emit(into, s.Collection, feed.Change{Kind: feed.IDAdded, IDType: l.ID.Type, IDValue: l.ID.Value}, e)
		}
	}
	tx.touch(into)
	return true, nil
}

func (tx *Tx) own(l *identity.Link, p codec.ProfileID) {
	n := tx.nodes[l.Hash]
	n.Owner = p
	tx.changedNodes[l.Hash] = true
}

// touch keeps a profile as it has become and moves its version, once a commit.
func (tx *Tx) touch(p codec.ProfileID) {
	if !tx.changedProfiles[p] {
		tx.changedProfiles[p] = true
		tx.profiles[p].Version++
	}
}

// createProfile creates a profile with a founding strand.
func (tx *Tx) createProfile(s *codec.Strand, e Occasion) (codec.ProfileID, error) {
	p, err := codec.NewProfileID(tx.now, tx.random)
	if err != nil {
		return codec.ProfileID{}, err
	}
	for !tx.LastID.Less(p) {
		// Two profiles of one commit: the second is the younger.
		p = tx.LastID
		for i := len(p) - 1; i >= 0; i-- {
			if p[i]++; p[i] != 0 {
				break
			}
		}
	}
	tx.LastID = p
	s.Founded = p
	if _, ok := tx.changedStrands[s.Hash]; !ok {
		tx.changedStrands[s.Hash] = true
	}
	tx.dependencies.note(codec.Profiles.Tag(), p[:])
	tx.profiles[p] = &codec.Profile{Collection: s.Collection, Founder: s.Hash, CreatedAt: tx.now.UnixNano()}
	tx.Done.Counters.Profiles++
	tx.Done.Created++
	tx.touch(p)
	tx.Emit(p, s.Collection, feed.Change{Kind: feed.ProfileCreated}, e)
	return p, nil
}

// mergeInto gives all that a profile has to another. The profile's own ID leads
// to wherever its founding strand belongs.
func (tx *Tx) mergeInto(into, from codec.ProfileID, e Occasion) error {
	target, loser := tx.profiles[into], tx.profiles[from]
	hashes := make([]identity.Hash, len(loser.IDs))
	for i, m := range loser.IDs {
		hashes[i] = m.Hash
	}
	if err := tx.LoadIdentifiers(hashes...); err != nil {
		return err
	}
	for _, h := range hashes {
		n := tx.nodes[h]
		if n == nil {
			return fmt.Errorf("%w: an ID of profile %s is missing", kv.ErrCorrupt, from.Text(loser.Collection))
		}
		n.Owner = into
		tx.changedNodes[h] = true
	}
	target.IDs = append(target.IDs, loser.IDs...)
	target.Merges += loser.Merges + 1
	target.NonCommuting = target.NonCommuting || loser.NonCommuting
	tx.touch(into)
	tx.markMerged(from, into, e)
	return nil
}

func (tx *Tx) markMerged(p, into codec.ProfileID, e Occasion) {
	rec := tx.profiles[p]
	if !rec.Merged {
		tx.Done.Counters.Profiles--
	}
	rec.Merged, rec.IDs, rec.Merges = true, nil, 0
	tx.Done.Merged++
	tx.touch(p)
	if into.IsZero() {
		return // nobody is left of it; that its IDs were removed was told
	}
	tx.Emit(into, rec.Collection, feed.Change{Kind: feed.Merged, From: p.Text(rec.Collection)}, e)
}

// Emit adds a change of a profile to the feed record. p is zero for a change of
// none.
func (tx *Tx) Emit(p codec.ProfileID, c identity.Collection, ch feed.Change, e Occasion) {
	if !p.IsZero() {
		ch.Profile = p.Text(c)
	}
	ch.Time, ch.MessageID, ch.Source = e.Pos.Time, e.MessageID, e.Source
	tx.changes = append(tx.changes, ch)
	tx.changeOf = append(tx.changeOf, p)
}

// SetCause says to what the changes of profiles are due, where that is no event.
// A demotion has a reason of its own; that it is due to no event says that it was
// decided again.
func (tx *Tx) SetCause(reason string) {
	for i := range tx.changes {
		switch c := &tx.changes[i]; c.Kind {
		case feed.ProfileCreated, feed.Merged, feed.Unmerged, feed.IDAdded, feed.IDRemoved:
			c.Reason = reason
		case feed.Demoted:
			c.MessageID, c.Source = "", ""
		}
	}
}

// deferReplay keeps a replay that is too large for a commit as a seed for the job,
// and answers provisionally meanwhile.
func (tx *Tx) deferReplay(seed identity.Seed, known *codec.Strand, links []identity.Hash, e Occasion) error {
	rec := codec.Deferred{Strand: seed.Strand.Hash, Collection: seed.Strand.Collection, Moment: seed.Pos.Moment}
	tx.deferred = append(tx.deferred, rec)
	if known == nil {
		change, err := tx.engine.Provisional(tx, seed)
		if err != nil {
			return err
		}
		if err := tx.apply(change, e); err != nil {
			return err
		}
	}
	for _, h := range links {
		n := tx.nodes[h]
		if n == nil && tx.stale {
			// An ID that named nobody until now.
			for i := range seed.Strand.Links {
				if l := &seed.Strand.Links[i]; l.Hash == h {
					n = &codec.Identifier{ID: l.ID}
					tx.nodes[h] = n
				}
			}
		}
		if n == nil {
			return fmt.Errorf("%w: an ID of strand %s is missing", kv.ErrCorrupt, rec.Strand)
		}
		n.Pending, n.NonCommuting = true, true
		tx.changedNodes[h] = true
		if p, o := tx.Owner(h); o != nil {
			o.NonCommuting = true
			tx.touch(p)
		}
	}
	return nil
}

// ReasonText is why an ID was left out, as the feed tells it.
func ReasonText(l *identity.Link) string {
	if l.Broke != "" {
		return l.Reason.String() + ": " + l.Broke
	}
	return l.Reason.String()
}
