package query

import (
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// scanPage is how many entries a scan takes at once.
const queryPage = 512

// view is a View that finds profiles as of a time.
type view struct{ *space.View }

// ProfileSnapshot is a profile as one snapshot has it: its record, its IDs and its
// strands.
type ProfileSnapshot struct {
	view    view
	ID      codec.ProfileID
	Record  *codec.Profile
	Strands []*codec.Strand
	Pending bool
	until   int64 // the time as of which this is; 0: now
}

// Find finds the profile that ref names, as of its time. It ends with ErrNotFound if
// there is none, which as of a time may be a *NotYetError.
func Find(v *space.View, ref space.Ref) (*ProfileSnapshot, error) { return snapshotOf(v, ref) }

// snapshotOf finds the profile that ref names. It ends with ErrNotFound if there is
// none, which as of a time may be a *NotYetError.
func snapshotOf(v *space.View, ref space.Ref) (*ProfileSnapshot, error) {
	if ref.AsOf != 0 && ref.AsOf < v.Now().UnixNano() {
		return view{v}.gatherAsOf(ref)
	}
	p, err := v.Resolve(ref)
	if err != nil {
		return nil, err
	}
	g, err := Collect(v, p)
	if err == nil && g.Record.Collection != ref.Collection {
		err = space.ErrNotFound
	}
	return g, err
}

// collect reads what a profile is made of. It ends with ErrNotFound if there is
// no such profile, or if it was merged away.
func Collect(v *space.View, p codec.ProfileID) (*ProfileSnapshot, error) {
	if err := v.LoadProfiles(p); err != nil {
		return nil, err
	}
	g := &ProfileSnapshot{view: view{v}, ID: p, Record: v.Profile(p), Pending: v.Applying()}
	if g.Record == nil || g.Record.Merged {
		return nil, space.ErrNotFound
	}
	ids := make([]identity.Hash, len(g.Record.IDs))
	for i, m := range g.Record.IDs {
		ids[i] = m.Hash
	}
	lists, err := v.Accepting(ids)
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
	if err := v.LoadStrands(hashes...); err != nil {
		return nil, err
	}
	for _, id := range ids {
		if n := v.Identifier(id); n != nil && n.Pending {
			g.Pending = true
		}
	}
	for _, h := range hashes {
		if st := v.Strand(h); st != nil && v.Belongs(st, p) {
			g.Strands = append(g.Strands, st)
		}
	}
	return g, nil
}
