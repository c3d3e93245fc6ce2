package tx

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// errNoFounder: a group of IDs without any strand. It cannot be, unless the store
// is damaged.
var errNoFounder = fmt.Errorf("%w: a profile has no strand", kv.ErrCorrupt)

// apply writes down what a replay found: strands with new verdicts, and the
// regrouping of IDs that follows. e is the event that caused it.
func (tx *Tx) apply(c *identity.Change, e Occasion) error {
	var hashes []identity.Hash
	for _, s := range c.Strands {
		for i := range s.Links {
			hashes = append(hashes, s.Links[i].Hash)
		}
	}
	if err := tx.LoadIdentifiers(hashes...); err != nil {
		return err
	}
	for _, s := range c.Strands {
		if err := tx.LoadStrands(s.Hash); err != nil {
			return err
		}
		rec := &codec.Strand{Strand: s}
		var old *identity.Strand
		if known := tx.strands[s.Hash]; known != nil {
			old = known.Strand
			rec.Source, rec.Founded, rec.Revision = known.Source, known.Founded, known.Revision
			if s.First == old.First {
				rec.MessageID = known.MessageID
			}
			for i := range old.Links {
				if l := &old.Links[i]; l.Verdict == identity.Demoted {
					tx.wasDemoted[demotion{s.Hash, l.Hash}] = true
				}
			}
		}
		if old == nil || s.First == e.Pos {
			rec.Source = e.Source
		}
		if s.First == e.Pos {
			rec.MessageID = strings.Clone(e.MessageID)
		}
		if err := tx.putStrand(rec, old); err != nil {
			return err
		}
	}
	if err := tx.group(c, e); err != nil {
		return err
	}
	for _, s := range c.Strands {
		tx.emitDemotions(s, e)
	}
	return tx.markNonCommuting(c.Tainted)
}

func (tx *Tx) emitDemotions(s *identity.Strand, e Occasion) {
	for i := range s.Links {
		l := &s.Links[i]
		if l.Verdict != identity.Demoted || tx.wasDemoted[demotion{s.Hash, l.Hash}] {
			continue
		}
		tx.wasDemoted[demotion{s.Hash, l.Hash}] = true
		tx.Done.Demoted++
		ch := feed.Change{Kind: feed.Demoted, IDType: l.ID.Type, IDValue: l.ID.Value, Reason: ReasonText(l)}
		var of codec.ProfileID
		if top, ok := s.Top(tx.rules, tx.engine.Overrides); ok {
			of, _ = tx.Owner(top.Hash)
		}
		tx.Emit(of, s.Collection, ch, e)
	}
}

type demotion struct{ strand, id identity.Hash }

// markNonCommuting keeps what touches a demotion off the fast path.
func (tx *Tx) markNonCommuting(ids []identity.Hash) error {
	if err := tx.LoadOwners(ids...); err != nil {
		return err
	}
	for _, h := range ids {
		n := tx.nodes[h]
		if n == nil {
			continue
		}
		if !n.NonCommuting {
			n.NonCommuting = true
			tx.changedNodes[h] = true
		}
		if p, rec := tx.Owner(h); rec != nil && !rec.NonCommuting {
			rec.NonCommuting = true
			tx.touch(p)
		}
	}
	return nil
}

// regrouped is one group of a regrouping with what is known of its past.
type regrouped struct {
	members []identity.Member
	merges  int
	owners  []codec.ProfileID // that owned one of the members before, distinct
	keeps   codec.ProfileID   // the profile it becomes
}

// group gives the groups of a change to profiles: a group keeps the oldest
// profile ID founded in it, or gets a new one.
func (tx *Tx) group(c *identity.Change, e Occasion) error {
	if len(c.Groups) == 0 && len(c.Bare) == 0 {
		return nil
	}
	var hashes []identity.Hash
	for _, g := range c.Groups {
		for i := range g {
			hashes = append(hashes, g[i].Hash)
		}
	}
	for i := range c.Bare {
		hashes = append(hashes, c.Bare[i].Hash)
	}
	if err := tx.LoadOwners(hashes...); err != nil {
		return err
	}

	portions := make([]*regrouped, len(c.Groups))
	shares := map[codec.ProfileID]int{} // groups (and bare IDs) that a profile's IDs went to
	rests := tx.rests(hashes)
	for i, g := range c.Groups {
		po := &regrouped{members: g, merges: c.Merges[i]}
		for k := range g {
			if p, rec := tx.Owner(g[k].Hash); rec != nil && !slices.Contains(po.owners, p) {
				po.owners = append(po.owners, p)
				shares[p]++
			}
		}
		portions[i] = po
	}
	for i := range c.Bare {
		if p, rec := tx.Owner(c.Bare[i].Hash); rec != nil {
			shares[p]++
		}
	}
	for p := range rests {
		shares[p]++
	}
	collection := identity.Users
	if len(c.Strands) > 0 {
		collection = c.Strands[0].Collection
	} else if len(shares) > 0 {
		for p := range shares {
			collection = tx.profiles[p].Collection
		}
	}

	// Whose founding strand is where is only in question when a profile's IDs
	// went apart; else all that was founded in it is still together.
	kept := map[codec.ProfileID]bool{}
	var unsettled []*regrouped
	for _, po := range portions {
		apart := len(po.owners) == 0
		for _, p := range po.owners {
			apart = apart || shares[p] > 1
		}
		if apart {
			unsettled = append(unsettled, po)
			continue
		}
		po.keeps = po.owners[0]
		for _, p := range po.owners[1:] {
			if p.Less(po.keeps) {
				po.keeps = p
			}
		}
		kept[po.keeps] = true
	}
	// Other priorities can make the founding strand of a profile that lives
	// another one's: that profile stays where it is.
	free := func(p codec.ProfileID) (bool, error) {
		if err := tx.LoadProfiles(p); err != nil {
			return false, err
		}
		rec := tx.profiles[p]
		return rec != nil && !kept[p] && (rec.Merged || shares[p] > 0), nil
	}
	for _, po := range unsettled {
		if err := tx.placeGroup(po, free, rests, e); err != nil {
			return err
		}
		kept[po.keeps] = true
	}
	for _, po := range portions {
		if err := tx.assign(po, rests[po.keeps], collection, e); err != nil {
			return err
		}
	}
	for i := range c.Bare {
		m := &c.Bare[i]
		n := tx.nodes[m.Hash]
		if n == nil || n.Owner.IsZero() {
			continue
		}
		tx.Emit(n.Owner, collection, feed.Change{Kind: feed.IDRemoved, IDType: m.ID.Type, IDValue: m.ID.Value}, e)
		n.Owner = codec.ProfileID{}
		tx.changedNodes[m.Hash] = true
	}
	// Profiles that are left without a group lead to wherever their founding
	// strand belongs now.
	gone := make([]codec.ProfileID, 0, len(shares))
	for p := range shares {
		if !kept[p] {
			gone = append(gone, p)
		}
	}
	slices.SortFunc(gone, func(a, b codec.ProfileID) int { return cmp.Compare(string(a[:]), string(b[:])) })
	for _, p := range gone {
		rest, err := tx.stillOwned(p)
		if err != nil {
			return err
		}
		if len(rest) > 0 {
			tx.profiles[p].IDs = rest
			tx.touch(p)
			continue
		}
		into, err := tx.canonicalProfile(p)
		if errors.Is(err, ErrNotFound) {
			// Its founding strand belongs to nobody: all its values are blocked,
			// or it waits to be decided again. The IDs it had say where it went.
			into, err = codec.ProfileID{}, nil
			for _, po := range portions {
				if slices.Contains(po.owners, p) {
					into = po.keeps
					break
				}
			}
		}
		if err != nil {
			return err
		}
		tx.markMerged(p, into, e)
	}
	return nil
}

// rests lists what the profiles of some IDs own beyond these, where new rules or
// overrides are being applied: what is decided elsewhere, in a commit of its own.
// The profiles must be loaded.
func (v *View) rests(ids []identity.Hash) map[codec.ProfileID][]codec.Member {
	if !v.stale {
		return nil
	}
	said := make(map[identity.Hash]bool, len(ids))
	for _, h := range ids {
		said[h] = true
	}
	out := map[codec.ProfileID][]codec.Member{}
	seen := map[codec.ProfileID]bool{}
	for _, h := range ids {
		p, rec := v.Owner(h)
		if rec == nil || seen[p] {
			continue
		}
		seen[p] = true
		for _, m := range rec.IDs {
			if !said[m.Hash] {
				out[p] = append(out[p], m)
			}
		}
	}
	return out
}

// stillOwned lists the IDs of a profile that it owns after groups got theirs: while
// new rules are being applied, a change need not speak of all that it has.
func (v *View) stillOwned(p codec.ProfileID) ([]codec.Member, error) {
	ids := v.profiles[p].IDs
	hashes := make([]identity.Hash, len(ids))
	for i := range ids {
		hashes[i] = ids[i].Hash
	}
	if err := v.LoadIdentifiers(hashes...); err != nil {
		return nil, err
	}
	var rest []codec.Member
	for _, m := range ids {
		if n := v.nodes[m.Hash]; n != nil && n.Owner == p {
			rest = append(rest, m)
		}
	}
	return rest, nil
}

// placeGroup finds the profile of a group by its strands: the oldest founded there
// that is free.
func (tx *Tx) placeGroup(po *regrouped, free func(codec.ProfileID) (bool, error), rests map[codec.ProfileID][]codec.Member, e Occasion) error {
	ids := make([]identity.Hash, len(po.members))
	for i := range po.members {
		ids[i] = po.members[i].Hash
	}
	lists, err := tx.Accepting(ids)
	if err != nil {
		return err
	}
	var all []identity.Hash
	for _, l := range lists {
		all = append(all, l...)
	}
	if err := tx.LoadStrands(all...); err != nil {
		return err
	}
	founder, err := tx.founderOf(po, all, ids, free, false)
	if err != nil {
		return err
	}
	if founder == nil && po.keeps.IsZero() && tx.stale {
		// Under new rules another ID of these strands may be the most important
		// one, and not accepted until the strand is decided again.
		if founder, err = tx.founderOf(po, all, ids, free, true); err != nil {
			return err
		}
	}
	if po.keeps.IsZero() {
		if po.keeps, err = tx.bereft(po, free, rests); err != nil {
			return err
		}
	}
	if !po.keeps.IsZero() {
		return tx.LoadProfiles(po.keeps)
	}
	if founder == nil {
		return errNoFounder
	}
	po.keeps, err = tx.createProfile(founder, e)
	return err
}

// bereft finds the oldest profile that owned IDs of a group and whose founding
// strand names nobody any more: who loses an address does not lose the profile.
func (v *View) bereft(po *regrouped, free func(codec.ProfileID) (bool, error), rests map[codec.ProfileID][]codec.Member) (best codec.ProfileID, err error) {
	for _, p := range po.owners {
		if !best.IsZero() && best.Less(p) || len(rests[p]) > 0 {
			continue
		}
		ok, err := free(p)
		if err != nil {
			return best, err
		}
		founder := v.profiles[p].Founder
		if err := v.LoadStrands(founder); err != nil {
			return best, err
		}
		if st := v.strands[founder]; ok && st != nil {
			if _, names := st.Top(v.rules, v.engine.Overrides); !names {
				best = p
			}
		}
	}
	return best, nil
}

// founderOf looks among strands for the oldest profile that was founded in a
// group of IDs, which the group keeps, and for the strand to found one else.
// With any, a strand belongs to the group by any accepted ID and not only by its
// most important one.
func (v *View) founderOf(po *regrouped, strands, ids []identity.Hash, free func(codec.ProfileID) (bool, error), any bool) (founder *codec.Strand, err error) {
	seen := map[identity.Hash]bool{}
	for _, h := range strands {
		s := v.strands[h]
		if s == nil || seen[h] {
			continue
		}
		seen[h] = true
		if top, ok := s.Top(v.rules, v.engine.Overrides); !any && (!ok || top.Verdict != identity.Accepted || !slices.Contains(ids, top.Hash)) {
			continue // held an ID once; superset of the truth
		}
		if any && !slices.ContainsFunc(s.Links, func(l identity.Link) bool {
			return l.Verdict == identity.Accepted && slices.Contains(ids, l.Hash)
		}) {
			continue
		}
		if !s.Founded.IsZero() && (po.keeps.IsZero() || s.Founded.Less(po.keeps)) {
			ok, err := free(s.Founded)
			if err != nil {
				return nil, err
			}
			if ok {
				po.keeps = s.Founded
			}
		}
		if founder == nil || (s.Founded.IsZero() && (!founder.Founded.IsZero() || s.First.Before(founder.First))) {
			founder = s
		}
	}
	return founder, nil
}

// assign makes a profile own exactly the IDs of a group, and the rest that it owns
// and that is not decided here.
func (tx *Tx) assign(po *regrouped, rest []codec.Member, collection identity.Collection, e Occasion) error {
	rec := tx.profiles[po.keeps]
	if rec == nil {
		return fmt.Errorf("%w: profile %s is missing", kv.ErrCorrupt, po.keeps.Text(collection))
	}
	before := make(map[identity.Hash]bool, len(rec.IDs))
	for _, m := range rec.IDs {
		before[m.Hash] = true
	}
	if rec.Merged {
		// It was merged away, and lives again.
		rec.Merged = false
		tx.Done.Counters.Profiles++
	}
	ids := make([]codec.Member, 0, len(po.members)+len(rest))
	tainted := rec.NonCommuting
	from := codec.ProfileID{}
	for _, p := range po.owners {
		tainted = tainted || tx.profiles[p].NonCommuting
		if from.IsZero() && p != po.keeps {
			from = p
		}
	}
	if len(po.owners) > 0 && !slices.Contains(po.owners, po.keeps) {
		// What these IDs were part of goes on without them.
		tx.Done.Unmerged++
		tx.Emit(po.keeps, collection, feed.Change{Kind: feed.Unmerged, From: from.Text(collection)}, e)
	}
	for i := range po.members {
		m := &po.members[i]
		ids = append(ids, codec.Member{Hash: m.Hash, IDType: m.ID.Type})
		n := tx.nodes[m.Hash]
		if n.Owner == po.keeps && before[m.Hash] {
			continue
		}
		ch := feed.Change{Kind: feed.IDAdded, IDType: m.ID.Type, IDValue: m.ID.Value}
		if !n.Owner.IsZero() && n.Owner != po.keeps {
			ch.From = n.Owner.Text(collection)
		}
		n.Owner = po.keeps
		tx.changedNodes[m.Hash] = true
		tx.Emit(po.keeps, collection, ch, e)
	}
	rec.IDs, rec.NonCommuting, rec.Merges = append(ids, rest...), tainted, po.merges
	tx.touch(po.keeps)
	return nil
}

// canonicalProfile finds the profile that a profile ID leads to: the owner of its
// founding strand.
func (v *View) canonicalProfile(p codec.ProfileID) (codec.ProfileID, error) {
	if err := v.LoadProfiles(p); err != nil {
		return codec.ProfileID{}, err
	}
	rec := v.profiles[p]
	if rec == nil {
		return codec.ProfileID{}, ErrNotFound
	}
	if err := v.LoadStrands(rec.Founder); err != nil {
		return codec.ProfileID{}, err
	}
	s := v.strands[rec.Founder]
	if s == nil {
		return codec.ProfileID{}, ErrNotFound // new rules left nothing of it
	}
	top, ok := s.Top(v.rules, v.engine.Overrides)
	if !ok {
		return codec.ProfileID{}, ErrNotFound
	}
	if err := v.LoadOwners(top.Hash); err != nil {
		return codec.ProfileID{}, err
	}
	owner, orec := v.Owner(top.Hash)
	if orec == nil {
		return codec.ProfileID{}, ErrNotFound
	}
	return owner, nil
}
