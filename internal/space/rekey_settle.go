package space

import (
	"bytes"
	"context"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
)

// settlePage is how many strands that lost events are settled in one commit, at
// most: fewer if they have many events left.
const settlePage = 128

// remains is what a strand still has.
type remains struct {
	events int
	first  identity.Pos
	ids    []identity.ID // of the first event
	source string
	traits profile.Traits
	pairs  map[identity.Hash]*pairRecord // by the strand on the other side
}

// settleMoved looks at every strand that lost events.
func (s *Space) settleMoved(ctx context.Context, rs *identity.Ruleset, tell func(stage string, done, total int64) error) error {
	done := int64(0)
	for {
		n, err := s.settlePortion(ctx, rs)
		if err != nil || n == 0 {
			return err
		}
		done += int64(n)
		if err := tell("settling", done, done); err != nil {
			return err
		}
	}
}

// settlePortion settles some strands and returns how many these were.
func (s *Space) settlePortion(ctx context.Context, rs *identity.Ruleset) (int, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	from := s.keys.key(kindMoved)
	page, err := r.Scan(ctx, from, kv.PrefixEnd(from), settlePage, false)
	if err != nil || len(page) == 0 {
		return 0, err
	}
	// Most of the reading is done before events have to wait.
	look := s.newDesk(ctx, r, rs, s.cfg.Now())
	look.read = nil
	left := make([]leftStrand, 0, len(page))
	found := make([]*remains, 0, len(page))
	events := 0
	for i := range page {
		l, err := decodeLeft(page[i].Value)
		if err != nil {
			return 0, err
		}
		rem, err := look.remains(linkStrand(page[i].Key), l.collection)
		if err != nil {
			return 0, err
		}
		left, found = append(left, l), append(found, rem)
		if events += rem.events; events > movedEvents*10 {
			break
		}
	}
	return len(found), s.commitRekey(ctx, rs, func(d *desk) error {
		for i, rem := range found {
			h := linkStrand(page[i].Key)
			n, err := d.eventsOf(h)
			if err != nil {
				return err
			}
			if n != rem.events { // events came meanwhile
				if rem, err = d.remains(h, left[i].collection); err != nil {
					return err
				}
			}
			if err := d.settleLeft(h, &left[i], rem, !s.store.Exclusive()); err != nil {
				return err
			}
		}
		return nil
	})
}

// eventsOf counts a strand's events in the snapshot.
func (d *desk) eventsOf(h identity.Hash) (int, error) {
	n := 0
	err := d.eachEvent(h, func(eventRef) error {
		n++
		return nil
	})
	return n, err
}

// eachEvent calls f for the place of every event of a strand in the snapshot, in
// the order of time.
func (d *desk) eachEvent(h identity.Hash, f func(eventRef) error) error {
	from := d.keys.hash(kindEvent, h)
	end := kv.PrefixEnd(from)
	for {
		page, err := d.r.Scan(d.ctx, from, end, scanPage, false)
		if err != nil {
			return err
		}
		for _, e := range page {
			ref, ok := parseEventKey(e.Key)
			if !ok {
				return kv.ErrCorrupt
			}
			if err := f(ref); err != nil {
				return err
			}
		}
		if len(page) < scanPage {
			return nil
		}
		from = kv.After(page[len(page)-1].Key)
	}
}

// remains reads what a strand still has.
func (d *desk) remains(h identity.Hash, c identity.Collection) (*remains, error) {
	rem := &remains{pairs: map[identity.Hash]*pairRecord{}}
	var open *openBlock
	last := ^uint64(0)
	err := d.eachEvent(h, func(ref eventRef) error {
		rem.events++
		if ref.block != last {
			var err error
			if open, err = readBlock(d.ctx, d.r, d.keys, ref.block); err != nil {
				return err
			}
			last = ref.block
		}
		if open == nil {
			return nil
		}
		e, m, ok, err := open.event(ref.ordinal)
		if err != nil || !ok {
			return err
		}
		pos := identity.Pos{Time: ref.time, MessageID: e.MessageID, Strand: h}
		if rem.first.Strand != h || pos.Before(rem.first) {
			rem.first, rem.source = pos, e.Source
			p := d.rules.Promote(&m, e.Source)
			if rem.ids = p.Users; c == identity.Accounts {
				rem.ids = p.Accounts
			}
		}
		if news := traitsOf(d.rules, c, &e, &m, ref); len(news) > 0 {
			rem.traits, _ = rem.traits.Apply(news)
		}
		head := &open.heads[ref.ordinal]
		if head.HasUser && head.HasAccount {
			other := head.Account
			if c == identity.Accounts {
				other = head.User
			}
			if p := (&pairRecord{ref.time, e.MessageID, e.Source}); rem.pairs[other] == nil || p.before(rem.pairs[other]) {
				rem.pairs[other] = p
			}
		}
		return nil
	})
	return rem, err
}

// settleLeft makes a strand what its remaining events say. With again, one that is
// left with nothing is looked at once more: another node may have given it an
// event in this moment.
func (d *desk) settleLeft(h identity.Hash, l *leftStrand, rem *remains, again bool) error {
	if err := d.loadStrands(h); err != nil {
		return err
	}
	st := d.strands[h]
	key := d.keys.hash(kindMoved, h)
	if rem.events == 0 {
		if st == nil {
			d.remove(key)
			return nil
		}
		if again {
			d.put(key, l.append(nil))
		} else {
			d.remove(key)
		}
		if err := d.settlePairs(h, l.collection, rem); err != nil {
			return err
		}
		return d.forgetStrand(st, l.heir)
	}
	d.remove(key)
	if rem.first.Strand != h {
		return nil // its events were erased
	}
	e := sighting{rem.first, rem.source}
	if st == nil {
		if err := d.moveIn(h, l.collection, rem.ids, e); err != nil {
			return err
		}
	} else if e.pos.Class = st.First.Class; e.pos != st.First {
		if err := d.restart(st, e); err != nil {
			return err
		}
	}
	if err := d.loadTraits(h); err != nil {
		return err
	}
	if !bytes.Equal(profile.AppendTraits(nil, d.traits[h]), profile.AppendTraits(nil, rem.traits)) {
		d.setTraits(h, rem.traits)
	}
	return d.settlePairs(h, l.collection, rem)
}

// setTraits makes traits those of a strand; none takes the record away.
func (d *desk) setTraits(h identity.Hash, traits profile.Traits) {
	d.traits[h] = traits
	if d.changedTraits[h] = true; len(traits) == 0 {
		delete(d.changedTraits, h)
		d.remove(d.keys.hash(kindTraits, h))
	}
}

// settlePairs keeps of a strand's pairs those that its remaining events show.
func (d *desk) settlePairs(h identity.Hash, c identity.Collection, rem *remains) error {
	near, far := byte(kindUserAccount), byte(kindAccountUser)
	if c == identity.Accounts {
		near, far = far, near
	}
	from := d.keys.hash(near, h)
	end := kv.PrefixEnd(from)
	for {
		page, err := d.r.Scan(d.ctx, from, end, scanPage, false)
		if err != nil {
			return err
		}
		for _, e := range page {
			other := linkStrand(e.Key)
			if rem.pairs[other] == nil {
				d.remove(e.Key)
				d.remove(d.keys.key(far, other[:], h[:]))
			}
		}
		if len(page) < scanPage {
			break
		}
		from = kv.After(page[len(page)-1].Key)
	}
	for other, p := range rem.pairs {
		user, account := h, other
		if c == identity.Accounts {
			user, account = other, h
		}
		d.put(d.keys.key(kindUserAccount, user[:], account[:]), p.append(nil))
		d.put(d.keys.key(kindAccountUser, account[:], user[:]), nil)
	}
	return nil
}
