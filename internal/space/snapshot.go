package space

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// profileSnapshot is a profile as one snapshot has it: its record, its IDs and its
// strands.
type profileSnapshot struct {
	d       *View
	id      codec.ProfileID
	rec     *codec.Profile
	strands []*codec.Strand
	pending bool
	until   int64 // the time as of which this is; 0: now
}

// snapshotOf finds the profile that ref names. It ends with ErrNotFound if there is
// none, which as of a time may be a *NotYetError.
func (s *Space) snapshotOf(ctx context.Context, r kv.Reader, ref Ref) (*profileSnapshot, error) {
	d := s.newView(ctx, r)
	if ref.AsOf != 0 && ref.AsOf < d.now.UnixNano() {
		return d.gatherAsOf(ref)
	}
	p, err := d.Resolve(ref)
	if err != nil {
		return nil, err
	}
	g, err := d.collect(p)
	if err == nil && g.rec.Collection != ref.Collection {
		err = ErrNotFound
	}
	return g, err
}

// collect reads what a profile is made of. It ends with ErrNotFound if there is
// no such profile, or if it was merged away.
func (d *View) collect(p codec.ProfileID) (*profileSnapshot, error) {
	if err := d.LoadProfiles(p); err != nil {
		return nil, err
	}
	g := &profileSnapshot{d: d, id: p, rec: d.profiles[p], pending: d.stale}
	if g.rec == nil || g.rec.Merged {
		return nil, ErrNotFound
	}
	ids := make([]identity.Hash, len(g.rec.IDs))
	for i, m := range g.rec.IDs {
		ids[i] = m.Hash
	}
	lists, err := d.Accepting(ids)
	if err != nil {
		return nil, err
	}
	var hashes []identity.Hash
	seen := map[identity.Hash]bool{}
	for _, l := range lists {
		for _, h := range l {
			if !seen[h] {
				seen[h] = true
				hashes = append(hashes, h)
			}
		}
	}
	if err := d.LoadStrands(hashes...); err != nil {
		return nil, err
	}
	for _, id := range ids {
		if n := d.nodes[id]; n != nil && n.Pending {
			g.pending = true
		}
	}
	for _, h := range hashes {
		if st := d.strands[h]; st != nil && d.Belongs(st, p) {
			g.strands = append(g.strands, st)
		}
	}
	return g, nil
}

// Belongs reports whether a strand belongs to a profile; the identifiers of the
// profile were loaded. The accepted IDs of a strand are all of one profile, but for those that were let go already while the strand
// waits to be decided again.
func (d *View) Belongs(st *codec.Strand, p codec.ProfileID) bool {
	for i := range st.Links {
		l := &st.Links[i]
		if l.Verdict != identity.Accepted {
			continue
		}
		n := d.nodes[l.Hash]
		if n != nil && n.Owner.IsZero() {
			continue
		}
		return n != nil && n.Owner == p
	}
	return false
}
