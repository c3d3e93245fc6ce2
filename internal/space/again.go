package space

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
)

// resolveAgain gives every strand and ID of the space what the rules say of
// them. It reads all events (of their bodies only the messageIds matter, which
// break ties) and holds their places in memory, about 150 bytes each. What
// differs it writes in several commits; a crash or a failure in between is made
// good by doing it again, for the record of the rules says that it is under way
// until it is done, and no events are taken before.
func (s *Space) resolveAgain(ctx context.Context, rs *identity.Ruleset, rec rulesRecord) error {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	for _, coll := range [...]identity.Collection{identity.Users, identity.Accounts} {
		occ, err := s.occurrences(ctx, r, coll)
		if err != nil {
			return err
		}
		if len(occ) == 0 {
			continue
		}
		if err := s.writeResolution(ctx, rs, coll, identity.Resolve(rs, s.overrides.Load().identity, occ)); err != nil {
			return err
		}
	}
	if err := s.dropSeeds(ctx, rs); err != nil {
		return err
	}
	rec.Applying = false
	stored, err := s.putRules(ctx, rec, nil)
	if err != nil {
		return err
	}
	s.adopt(rs, rec, stored)
	return nil
}

// occurrences reads every event of a collection's strands, in order of arrival.
func (s *Space) occurrences(ctx context.Context, r kv.Reader, coll identity.Collection) ([]identity.Occurrence, error) {
	strands := map[identity.Hash]*identity.Strand{}
	if err := s.eachStrand(ctx, r, func(st *strandRecord) error {
		if st.Collection == coll {
			strands[st.Hash] = st.Strand
		}
		return nil
	}); err != nil {
		return nil, err
	}
	var occ []identity.Occurrence
	err := s.eachBlock(ctx, r, func(id uint64, b *openBlock) error {
		for o := range b.heads {
			h := &b.heads[o]
			hash, has := h.User, h.HasUser
			if coll == identity.Accounts {
				hash, has = h.Account, h.HasAccount
			}
			if !has || strands[hash] == nil {
				continue
			}
			e, _, ok, err := b.event(o)
			if err != nil {
				return err
			}
			if ok {
				occ = append(occ, identity.Occurrence{Strand: strands[hash], Time: h.Time, MessageID: strings.Clone(e.MessageID)})
			}
		}
		return nil
	})
	return occ, err
}

// eachStrand calls f for every strand of the space.
func (s *Space) eachStrand(ctx context.Context, r kv.Reader, f func(*strandRecord) error) error {
	return s.each(ctx, r, kindStrand, scanPage, func(e kv.Entry) error {
		var h identity.Hash
		copy(h[:], e.Key[len(e.Key)-len(h):])
		st, err := decodeStrand(e.Value, h, s.hasher)
		if err != nil {
			return err
		}
		return f(st)
	})
}

// eachBlock calls f for every block of the journal, in order.
func (s *Space) eachBlock(ctx context.Context, r kv.Reader, f func(id uint64, b *openBlock) error) error {
	return s.each(ctx, r, kindHeader, scanPage, func(e kv.Entry) error {
		id := blockID(e.Key)
		b, err := readBlock(ctx, r, s.keys, id)
		if err != nil || b == nil {
			return err
		}
		return f(id, b)
	})
}

// each calls f for every entry of a kind, in order of keys.
func (s *Space) each(ctx context.Context, r kv.Reader, kind byte, page int, f func(kv.Entry) error) error {
	from := s.keys.key(kind)
	end := kv.PrefixEnd(from)
	for {
		entries, err := r.Scan(ctx, from, end, page, false)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := f(e); err != nil {
				return err
			}
		}
		if len(entries) < page {
			return nil
		}
		from = kv.After(entries[len(entries)-1].Key)
	}
}

// portionGroups is how many groups of a resolution one commit writes.
const portionGroups = 2000

// writeResolution writes what differs between the store and a resolution: the
// strands first, then groups, those that exchange IDs in one commit.
func (s *Space) writeResolution(ctx context.Context, rs *identity.Ruleset, coll identity.Collection, res *identity.Resolution) error {
	hashes := make([]identity.Hash, 0, len(res.Strands))
	for h := range res.Strands {
		hashes = append(hashes, h)
	}
	slices.SortFunc(hashes, func(a, b identity.Hash) int { return slices.Compare(a[:], b[:]) })
	for len(hashes) > 0 {
		part := hashes[:min(len(hashes), portionGroups)]
		hashes = hashes[len(part):]
		err := s.inCommit(ctx, rs, func(d *desk) error {
			if err := d.loadStrands(part...); err != nil {
				return err
			}
			var nodes []identity.Hash
			for _, h := range part {
				for i := range res.Strands[h].Links {
					nodes = append(nodes, res.Strands[h].Links[i].Hash)
				}
			}
			if err := d.loadNodes(nodes...); err != nil {
				return err
			}
			for _, h := range part {
				known := d.strands[h]
				now := res.Strands[h]
				// A later occurrence never changed a verdict that no window
				// touches: the first is what counts, as the engine keeps it.
				if now.Recheck == 0 {
					now.Evaluated = lastDecision(now)
				}
				if sameVerdicts(known.Strand, now) {
					continue
				}
				if err := d.putStrand(&strandRecord{Strand: now, source: known.source, founded: known.founded, revision: known.revision}, known.Strand); err != nil {
					return err
				}
				if !now.Clean() {
					for i := range now.Links {
						n := d.nodes[now.Links[i].Hash]
						if n != nil && !n.tainted {
							n.tainted = true
							d.changedNodes[now.Links[i].Hash] = true
						}
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return s.writeGroups(ctx, rs, coll, res)
}

// lastDecision is the last place at which an ID of the strand was accepted.
func lastDecision(s *identity.Strand) identity.Pos {
	at := s.First
	for i := range s.Links {
		if l := &s.Links[i]; l.Verdict == identity.Accepted && at.Before(l.At) {
			at = l.At
		}
	}
	return at
}

func sameVerdicts(a, b *identity.Strand) bool {
	return a.First == b.First && a.Evaluated == b.Evaluated && a.Recheck == b.Recheck && slices.Equal(a.Links, b.Links)
}

// inCommit runs f on a desk and commits what it changed.
func (s *Space) inCommit(ctx context.Context, rs *identity.Ruleset, f func(d *desk) error) error {
	if !s.store.Exclusive() {
		if fence, err := s.hold(ctx, jobLease); err != nil {
			return err
		} else if fence == nil {
			return fmt.Errorf("%w: another node took over", kv.ErrUnavailable)
		}
	}
	if err := s.renewLane(ctx); err != nil {
		return err
	}
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	now := s.cfg.Now()
	d := s.newDesk(ctx, r, rs, now)
	d.lastID, d.memory = s.lastID, s.memory
	c := &commitPlan{desk: d, rules: rs}
	c.record = feed.Record{Lane: s.lane, Seq: s.feedSeq + 1, Time: now.UnixNano()}
	if err := f(d); err != nil {
		return err
	}
	d.write(&c.batch)
	s.closePlan(c)
	if c.batch.Len() == 1 && len(d.changes) == 0 {
		return nil // nothing but an empty feed record
	}
	return s.land(ctx, c)
}

// writeGroups regroups IDs whose owners are not what the resolution says.
// Groups between which a profile's IDs are divided go together.
func (s *Space) writeGroups(ctx context.Context, rs *identity.Ruleset, coll identity.Collection, res *identity.Resolution) error {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	// Which profile owns what now, and which groups share a profile.
	owner := map[identity.Hash]profileID{}
	ids := map[identity.Hash]identity.ID{}
	tainted := map[identity.Hash]bool{}
	members := map[profileID][]identity.Hash{}
	nodes := s.newDesk(ctx, r, rs, s.cfg.Now())
	if err := s.each(ctx, r, kindNode, scanPage, func(e kv.Entry) error {
		n, err := decodeNode(e.Value)
		if err != nil {
			return err
		}
		var h identity.Hash
		copy(h[:], e.Key[len(e.Key)-len(h):])
		if nodes.hasher.ID(coll, n.id) != h {
			return nil // of the other collection
		}
		ids[h] = n.id
		tainted[h] = n.tainted
		if !n.owner.isZero() {
			owner[h] = n.owner
			members[n.owner] = append(members[n.owner], h)
		}
		return nil
	}); err != nil {
		return err
	}
	done := make([]bool, len(res.Groups))
	var change identity.Change
	size := 0
	flush := func() error {
		if len(change.Groups) == 0 && len(change.Bare) == 0 {
			return nil
		}
		c := change
		change, size = identity.Change{}, 0
		return s.inCommit(ctx, rs, func(d *desk) error { return d.apply(&c, sighting{}) })
	}
	for first := range res.Groups {
		if done[first] {
			continue
		}
		// All groups that are tied to this one by profiles of today.
		done[first] = true
		cluster := []int{first}
		seen := map[profileID]bool{}
		var bare []identity.Member
		same := true
		for k := 0; k < len(cluster); k++ {
			for _, m := range res.Groups[cluster[k]] {
				p, ok := owner[m.Hash]
				if !ok {
					same = false
					continue
				}
				if seen[p] {
					continue
				}
				seen[p] = true
				for _, h := range members[p] {
					g, ok := res.Owner[h]
					if !ok {
						bare = append(bare, identity.Member{ID: ids[h], Hash: h})
						same = false
						continue
					}
					if !done[g] {
						done[g] = true
						cluster = append(cluster, g)
					}
				}
			}
		}
		if same && len(cluster) == 1 && len(seen) == 1 {
			taints := false
			for _, m := range res.Groups[first] {
				taints = taints || tainted[m.Hash]
			}
			if !taints {
				continue
			}
		}
		for _, g := range cluster {
			change.Groups = append(change.Groups, res.Groups[g])
			change.Merges = append(change.Merges, 0)
			for _, m := range res.Groups[g] {
				if tainted[m.Hash] {
					change.Tainted = append(change.Tainted, m.Hash)
				}
			}
			size++
		}
		change.Bare = append(change.Bare, bare...)
		if size >= portionGroups {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	// IDs that nobody owns any more and that shared a profile with nobody left.
	for h, id := range ids {
		if _, ok := res.Owner[h]; !ok {
			if _, owned := owner[h]; owned {
				change.Bare = append(change.Bare, identity.Member{ID: id, Hash: h})
			}
		}
	}
	return flush()
}

// dropSeeds removes replays that waited: everything was decided again.
func (s *Space) dropSeeds(ctx context.Context, rs *identity.Ruleset) error {
	for {
		n := 0
		err := s.inCommit(ctx, rs, func(d *desk) error {
			seeds, err := s.readSeeds(ctx, d.r, portionGroups)
			if err != nil {
				return err
			}
			n = len(seeds)
			var strands, ids []identity.Hash
			for i := range seeds {
				strands = append(strands, seeds[i].strand)
				d.settledSeeds = append(d.settledSeeds, seeds[i])
			}
			if err := d.loadStrands(strands...); err != nil {
				return err
			}
			for _, h := range strands {
				if st := d.strands[h]; st != nil {
					for i := range st.Links {
						ids = append(ids, st.Links[i].Hash)
					}
				}
			}
			return d.unpend(ids)
		})
		if err != nil {
			return err
		}
		if n < portionGroups {
			s.pending.Store(0)
			return nil
		}
	}
}
