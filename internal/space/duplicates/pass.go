package duplicates

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/task"
)

// The pass works a small part of the time, in small commits, so that it costs
// ingestion little; under a heavy import it falls behind and catches up later.
const (
	workTime    = 100 * time.Millisecond // of one run
	workShare   = 20                     // it works one of so many moments
	recordsRead = 64                     // at once, at most
	chunk       = 256                    // profiles in one commit
	pollPause   = time.Minute            // on a shared store other nodes' commits are not told

	// While events pour in, the pass waits for them to end, and after patience works one of
	// busyShare moments.
	patience  = 10 * time.Minute
	busyShare = 50
)

// run reads a piece of the feed, and says when to go on.
func (d *Finder) run(ctx context.Context) (task.Rest, error) {
	rest := task.Rest{Least: d.cfg.Pause}
	if !d.space.Store().Exclusive() {
		rest.Most = pollPause
		if d.space.Idle() > pollPause {
			return rest, nil // another node does it, if one has reason to
		}
	}
	share := time.Duration(workShare)
	if busy := d.pace.Busy(); busy > patience {
		share = busyShare
	} else if busy > 0 {
		rest.Most = max(rest.Least, time.Second)
		return rest, nil
	}
	began := time.Now()
	more, err := d.Pass(ctx, began.Add(workTime))
	if errors.Is(err, lease.ErrHeld) {
		return rest, nil
	}
	rest.Least = max(rest.Least, share*time.Since(began))
	if more {
		rest.Least = share * time.Since(began)
		rest.Most = rest.Least
	}
	return rest, err
}

// Pass reads the feed on from where the last pass ended, until its end or until a
// time, and reports whether there is more. ErrHeld: another node does this.
func (d *Finder) Pass(ctx context.Context, until time.Time) (more bool, err error) {
	fence, err := d.lease.Hold(ctx)
	if err != nil {
		return false, err
	}
	// A record is a commit, and may be of one profile or of thousands: as many are read at
	// once as have the profiles of about one commit here.
	records := 1
	for more = true; more && time.Now().Before(until); {
		var profiles int
		if profiles, more, err = d.piece(ctx, fence, records); err != nil {
			break
		}
		if profiles <= chunk/2 {
			records = min(2*records, recordsRead)
		} else if profiles > chunk {
			records = max(records/2, 1)
		}
	}
	if errors.Is(err, kv.ErrConflict) || errors.Is(err, kv.ErrUnknown) {
		return true, nil // the lease went on, or the commit is there: read on from the store
	}
	return more, err
}

// piece takes so many records of the feed at most, and says how many profiles they
// were about.
func (d *Finder) piece(ctx context.Context, fence lease.Fence, most int) (about int, more bool, err error) {
	v, err := d.space.View(ctx)
	if err != nil {
		return 0, false, err
	}
	defer v.Close()
	key := codec.DuplicatesRead.Key(v.Keys())
	got, err := v.Reader().Get(ctx, key)
	if err != nil {
		return 0, false, err
	}
	stored := got[0]
	cursor, err := feed.ParseCursor(string(stored))
	if err != nil {
		return 0, false, fmt.Errorf("%w: the cursor of the search for duplicates: %w", kv.ErrCorrupt, err)
	}
	records, next, err := feed.ReadOf(ctx, v.Reader(), v.Keys(), cursor, most, tells)
	if err != nil {
		return 0, false, err
	}
	if len(records) == 0 {
		return 0, false, nil
	}
	profiles := changed(records)
	about = len(profiles)
	for {
		n := min(len(profiles), chunk)
		var b kv.Batch
		fence.Require(&b)
		b.Require(key, stored)
		if err := d.look(ctx, profiles[:n], &b); err != nil {
			return 0, false, err
		}
		profiles = profiles[n:]
		if len(profiles) == 0 {
			b.Put(key, []byte(next.String()))
		}
		if err := d.space.Store().Commit(ctx, &b); err != nil {
			return 0, false, err
		}
		if len(profiles) == 0 {
			return about, len(records) == most, nil
		}
	}
}

// tells are the changes after which the signs of a profile may be others.
func tells(r *feed.Record, c *feed.Change) bool {
	switch c.Kind {
	case feed.TraitSet, feed.TraitRemoved:
		if !signTrait(c.Trait) {
			return false
		}
		n := len(r.Changes)
		return n == 0 || r.Changes[n-1].Profile != c.Profile || c.From != ""
	case feed.IDAdded, feed.IDRemoved:
		return c.IDType == "email" || c.IDType == "phone" || c.From != ""
	}
	return c.Kind == feed.Merged || c.Kind == feed.Unmerged || c.Kind == feed.Regrouped
}

// changed lists the profiles of users whose signs may be others after some records.
func changed(records []feed.Record) []codec.ProfileID {
	var out []codec.ProfileID
	seen := map[codec.ProfileID]bool{}
	add := func(text string) {
		p, c, ok := codec.ParseProfileID(text)
		if ok && c == identity.Users && !seen[p] {
			seen[p] = true
			out = append(out, p)
		}
	}
	for i := range records {
		for k := range records[i].Changes {
			ch := &records[i].Changes[k]
			add(ch.Profile)
			add(ch.From)
		}
	}
	return out
}

// sign is a Sign as it is stored.
type sign struct {
	kind byte
	hash identity.Hash
}

const signBytes = 1 + 16

func hashed(v *space.View, s Sign) sign {
	return sign{byte(s.Kind), v.Hasher().ID(identity.Users, identity.ID{Type: "sign:" + s.Kind.String(), Value: s.Value})}
}

// look finds the signs of profiles anew, as they are now, and puts what is different
// into a batch.
func (d *Finder) look(ctx context.Context, profiles []codec.ProfileID, b *kv.Batch) error {
	v, err := d.space.View(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	ks := v.Keys()
	keys := make([][]byte, len(profiles))
	for i, p := range profiles {
		keys[i] = codec.SignsOf.Key(ks, p)
	}
	values, err := v.Reader().Get(v.Context(), keys...)
	if err != nil {
		return err
	}
	if err := preload(v, profiles); err != nil {
		return err
	}
	turned := map[sign]map[codec.ProfileID]bool{} // true: the profile has the sign from now on, false: no more
	turn := func(s sign, p codec.ProfileID, has bool) {
		if turned[s] == nil {
			turned[s] = map[codec.ProfileID]bool{}
		}
		turned[s][p] = has
		if k := codec.Signs.Key(ks, s.kind, s.hash, p); has {
			b.Put(k, nil)
		} else {
			b.Delete(k)
		}
	}
	for i, p := range profiles {
		was, err := decodeSigns(values[i])
		if err != nil {
			return err
		}
		g, err := gather(v, p)
		if err != nil {
			return err
		}
		var is []sign
		if g != nil {
			for _, s := range Signs(g.ids, g.traits) {
				is = append(is, hashed(v, s))
			}
		}
		if slices.Equal(was, is) {
			continue
		}
		for _, s := range was {
			if !slices.Contains(is, s) {
				turn(s, p, false)
			}
		}
		for _, s := range is {
			if !slices.Contains(was, s) {
				turn(s, p, true)
			}
		}
		if len(is) == 0 {
			b.Delete(keys[i])
			continue
		}
		b.Put(keys[i], encodeSigns(is))
	}
	return suggest(v, turned, b)
}

// suggest notes the signs that several profiles have from now on, and forgets those
// of which that is no longer so.
func suggest(v *space.View, turned map[sign]map[codec.ProfileID]bool, b *kv.Batch) error {
	ks := v.Keys()
	for s, of := range turned {
		page, err := having(v, s, len(of)+2)
		if err != nil {
			return err
		}
		have := map[codec.ProfileID]bool{}
		for _, p := range page {
			have[p] = true
		}
		for p, has := range of {
			if has {
				have[p] = true
			} else {
				delete(have, p)
			}
		}
		key := codec.Duplicates.Key(ks, s.kind, s.hash)
		got, err := v.Reader().Get(v.Context(), key)
		switch {
		case err != nil:
			return err
		case len(have) > 1 && got[0] == nil:
			b.Put(key, codec.AppendTime(nil, v.Now().UnixNano()))
		case len(have) < 2 && got[0] != nil:
			b.Delete(key)
		}
	}
	return nil
}

// having lists profiles that have a sign, most of them at most.
func having(v *space.View, s sign, most int) ([]codec.ProfileID, error) {
	from, end := codec.Under(codec.Signs.Of2(v.Keys(), s.kind, s.hash))
	page, err := v.Reader().Scan(v.Context(), from, end, most, false)
	if err != nil {
		return nil, err
	}
	out := make([]codec.ProfileID, 0, len(page))
	for _, e := range page {
		_, _, p, ok := codec.Signs.Parse(e.Key)
		if !ok {
			return nil, fmt.Errorf("%w: a sign of a profile", kv.ErrCorrupt)
		}
		out = append(out, p)
	}
	return out, nil
}

func encodeSigns(list []sign) []byte {
	out := make([]byte, 0, len(list)*signBytes)
	for _, s := range list {
		out = append(append(out, s.kind), s.hash[:]...)
	}
	return out
}

func decodeSigns(b []byte) ([]sign, error) {
	if len(b)%signBytes != 0 {
		return nil, fmt.Errorf("%w: the signs of a profile", kv.ErrCorrupt)
	}
	var out []sign
	for ; len(b) > 0; b = b[signBytes:] {
		s := sign{kind: b[0]}
		copy(s.hash[:], b[1:])
		out = append(out, s)
	}
	return out, nil
}

// preload reads together what gather looks at.
func preload(v *space.View, profiles []codec.ProfileID) error {
	if err := v.LoadProfiles(profiles...); err != nil {
		return err
	}
	var ids, strands []identity.Hash
	for _, p := range profiles {
		if rec := v.Profile(p); rec != nil && !rec.Merged {
			for _, m := range rec.IDs {
				ids = append(ids, m.Hash)
			}
		}
	}
	lists, err := v.Accepting(ids)
	if err != nil {
		return err
	}
	for _, list := range lists {
		strands = append(strands, list[:min(len(list), mostStrands)]...)
	}
	if err := v.LoadStrands(strands...); err != nil {
		return err
	}
	_, err = v.TraitsOf(strands...)
	return err
}

// gathered is a profile of a user as its signs are made of it.
type gathered struct {
	id     codec.ProfileID
	ids    []identity.ID // by priority
	hashes map[identity.Hash]bool
	traits profile.Traits
}

// mostStrands bounds what is read of one profile. A person has a few hundred.
const mostStrands = 5000

// gather reads a profile; nil if there is none, or if it was merged away.
func gather(v *space.View, p codec.ProfileID) (*gathered, error) {
	if err := v.LoadProfiles(p); err != nil {
		return nil, err
	}
	rec := v.Profile(p)
	if rec == nil || rec.Merged || rec.Collection != identity.Users {
		return nil, nil
	}
	g := &gathered{id: p, hashes: map[identity.Hash]bool{}}
	hashes := make([]identity.Hash, len(rec.IDs))
	for i, m := range rec.IDs {
		hashes[i] = m.Hash
		g.hashes[m.Hash] = true
	}
	lists, err := v.Accepting(hashes)
	if err != nil {
		return nil, err
	}
	for _, h := range hashes {
		if n := v.Identifier(h); n != nil {
			g.ids = append(g.ids, n.ID)
		}
	}
	slices.SortFunc(g.ids, v.Rules().ComparePriority)
	var strands []identity.Hash
	seen := map[identity.Hash]bool{}
	for _, list := range lists {
		for _, h := range list {
			if !seen[h] && len(strands) < mostStrands {
				seen[h] = true
				strands = append(strands, h)
			}
		}
	}
	if err := v.LoadStrands(strands...); err != nil {
		return nil, err
	}
	strands = slices.DeleteFunc(strands, func(h identity.Hash) bool {
		st := v.Strand(h)
		return st == nil || !slices.ContainsFunc(st.Links, func(l identity.Link) bool {
			return l.Verdict == identity.Accepted && g.hashes[l.Hash]
		})
	})
	rows, err := v.TraitsOf(strands...)
	if err != nil {
		return nil, err
	}
	g.traits = profile.FoldTraits(rows...)
	return g, nil
}
