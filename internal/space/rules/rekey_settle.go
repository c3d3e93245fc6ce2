package rules

import (
	"bytes"
	"context"
	"strings"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// settlePage is how many strands that lost events are settled in one commit, at
// most: fewer if they have many events left.
const settlePage = 256

// pairsPage is how many pairs are read at once.
const pairsPage = 512

// remains is what a strand still has, as far as that has to be known.
type remains struct {
	events int
	first  *tx.Occasion  // if the one that is stored is lost
	ids    []identity.ID // with first: what the event promotes
	// whole says that traits and pairs (by the strand on the other side) are
	// known: the strand has some stored, or is not there.
	whole  bool
	traits profile.Traits
	pairs  map[identity.Hash]*codec.Pair
}

// settleMoved looks at every strand that lost events.
func settleMoved(ctx context.Context, w *space.Applying) error {
	done := int64(0)
	var from []byte // behind what was settled: a scan over what was just deleted takes long
	for {
		n, next, err := settlePortion(ctx, w, from)
		switch {
		case err != nil:
			return err
		case n == 0 && from == nil:
			return nil
		case n == 0:
			from = nil // some are to be looked at once more, or none is left
			continue
		}
		from = next
		done += int64(n)
		if err := w.Tell(ctx, space.ApplyProgress{Stage: "settling", Done: done, Total: done}); err != nil {
			return err
		}
	}
}

// settlePortion settles some strands, from a key on, nil being the first. It
// returns how many these were and where to go on.
func settlePortion(ctx context.Context, w *space.Applying, from []byte) (int, []byte, error) {
	look, err := w.View(ctx)
	if err != nil {
		return 0, nil, err
	}
	defer look.Close()
	first, end := codec.LeftStrands.All(look.Keys())
	if from == nil {
		from = first
	}
	page, err := look.Reader().Scan(ctx, from, end, settlePage, false)
	if err != nil || len(page) == 0 {
		return 0, nil, err
	}
	// Most of the reading is done before events have to wait.
	left := make([]leftStrand, 0, len(page))
	found := make([]*remains, 0, len(page))
	events := 0
	for i := range page {
		l, err := decodeLeft(page[i].Value)
		if err != nil {
			return 0, nil, err
		}
		h, ok := codec.LeftStrands.Parse(page[i].Key)
		if !ok {
			return 0, nil, kv.ErrCorrupt
		}
		rem, err := remaining(look, h, &l)
		if err != nil {
			return 0, nil, err
		}
		left, found = append(left, l), append(found, rem)
		if events += rem.events; events > movedEvents*10 {
			break
		}
	}
	return len(found), kv.After(page[len(found)-1].Key), w.Move(ctx, nil, func(d *space.Tx) error {
		for i, rem := range found {
			h, _ := codec.LeftStrands.Parse(page[i].Key)
			refs, err := eventsOf(&d.View, h)
			if err != nil {
				return err
			}
			if len(refs) != rem.events { // events came meanwhile
				if rem, err = remaining(&d.View, h, &left[i]); err != nil {
					return err
				}
			}
			if err := settleLeft(d, h, &left[i], rem, !w.Exclusive()); err != nil {
				return err
			}
		}
		return nil
	})
}

// eventsOf lists where a strand's events are in the snapshot, in the order of
// time.
func eventsOf(d *space.View, h identity.Hash) ([]event.Moment, error) {
	return d.EventsUntil(h, kv.PrefixEnd(codec.Events.Of(d.Keys(), h)), 0)
}

// remaining reads what a strand still has.
func remaining(d *space.View, h identity.Hash, l *leftStrand) (*remains, error) {
	refs, err := eventsOf(d, h)
	if err != nil {
		return nil, err
	}
	rem := &remains{events: len(refs)}
	if len(refs) == 0 {
		return rem, nil
	}
	near := codec.UserAccounts
	if l.collection == identity.Accounts {
		near = codec.AccountUsers
	}
	of := near.Of(d.Keys(), h)
	pairs, err := d.Reader().Scan(d.Context(), of, kv.PrefixEnd(of), 1, false)
	if err != nil {
		return nil, err
	}
	stored, err := d.Reader().Get(d.Context(), codec.Strands.Key(d.Keys(), h), codec.Traits.Key(d.Keys(), h))
	if err != nil {
		return nil, err
	}
	first := l.lost || stored[0] == nil
	rem.whole = len(pairs) > 0 || stored[0] == nil || stored[1] != nil
	if !first && !rem.whole {
		return rem, nil
	}
	rem.pairs = map[identity.Hash]*codec.Pair{}
	holes := map[event.Arrival]bool{}
	var open *journal.Block
	for _, at := range refs {
		if !rem.whole && rem.first != nil && rem.ids != nil {
			break
		}
		if block := at.Arrival.Block(); open == nil || open.ID != block {
			if open, err = journal.Read(d.Context(), d.Reader(), d.Keys(), block); err != nil {
				return nil, err
			}
		}
		e, m, st := open.At(at)
		if st == journal.Gone {
			continue
		}
		if first && rem.first == nil {
			rem.first = &tx.Occasion{Pos: identity.Pos{Moment: at, Strand: h}, MessageID: strings.Clone(e.MessageID), Source: e.Source}
		}
		if st == journal.Damaged {
			holes[at.Arrival] = true
		} else {
			if first && rem.ids == nil {
				p := d.Rules().Promote(&m, e.Source)
				if rem.ids = p.Users; l.collection == identity.Accounts {
					rem.ids = p.Accounts
				}
			}
			if news := e.Traits(l.collection, &m); len(news) > 0 {
				rem.traits, _ = rem.traits.Apply(news)
			}
		}
		if at.Arrival.Ordinal() >= len(open.Heads) {
			continue
		}
		head := &open.Heads[at.Arrival.Ordinal()]
		if head.HasUser && head.HasAccount {
			other := head.Account
			if l.collection == identity.Accounts {
				other = head.User
			}
			if rem.pairs[other] == nil {
				rem.pairs[other] = &codec.Pair{Moment: at, MessageID: strings.Clone(e.MessageID), Source: e.Source}
			}
		}
	}
	if len(holes) > 0 && stored[1] != nil {
		// What a hole said of traits is known by what is left of it.
		had, err := profile.DecodeTraits(stored[1])
		if err != nil {
			return nil, err
		}
		rem.traits, _ = rem.traits.Apply(had.SetBy(holes))
	}
	return rem, nil
}

// settleLeft makes a strand what its remaining events say. With again, one that is
// left with nothing is looked at once more: another node may have given it an
// event in this moment.
func settleLeft(d *space.Tx, h identity.Hash, l *leftStrand, rem *remains, again bool) error {
	if err := d.LoadStrands(h); err != nil {
		return err
	}
	st := d.Strand(h)
	key := codec.LeftStrands.Key(d.Keys(), h)
	if rem.events == 0 {
		if st == nil {
			d.Delete(key)
			return nil
		}
		if again {
			d.Put(key, l.append(nil))
		} else {
			d.Delete(key)
		}
		if _, err := settlePairs(d, h, l.collection, rem); err != nil {
			return err
		}
		return d.ForgetStrand(st, l.successor)
	}
	d.Delete(key)
	switch {
	case rem.first == nil:
		// It is there, or was erased.
	case st == nil && rem.ids == nil:
		// Nothing tells any more whose the events are: all of them are damaged.
	case st == nil:
		if err := d.MoveIn(h, l.collection, rem.ids, *rem.first); err != nil {
			return err
		}
	default:
		e := *rem.first
		if e.Pos.Class = st.First.Class; e.Pos != st.First {
			if err := d.Restart(st, e); err != nil {
				return err
			}
		}
	}
	if !rem.whole || d.Strand(h) == nil {
		return nil
	}
	had, err := d.TraitsOf(h)
	if err != nil {
		return err
	}
	if !bytes.Equal(profile.AppendTraits(nil, had[0]), profile.AppendTraits(nil, rem.traits)) {
		d.SetTraits(h, rem.traits)
	}
	removed, err := settlePairs(d, h, l.collection, rem)
	if removed && again {
		// Another node may have relied on one of these pairs in this moment.
		d.Put(key, l.append(nil))
	}
	return err
}

// settlePairs keeps of a strand's pairs those that its remaining events show, and
// reports whether it removed any.
func settlePairs(d *space.Tx, h identity.Hash, c identity.Collection, rem *remains) (removed bool, err error) {
	near, far := codec.UserAccounts, codec.AccountUsers
	if c == identity.Accounts {
		near, far = far, near
	}
	from, end := codec.Under(near.Of(d.Keys(), h))
	for {
		page, err := d.Reader().Scan(d.Context(), from, end, pairsPage, false)
		if err != nil {
			return removed, err
		}
		for _, e := range page {
			_, other, ok := near.Parse(e.Key)
			if !ok {
				return removed, kv.ErrCorrupt
			}
			if rem.pairs[other] == nil {
				removed = true
				if d.Rewrite(h); c == identity.Users {
					d.Rewrite(other)
				}
				d.Delete(e.Key)
				d.Delete(far.Key(d.Keys(), other, h))
			}
		}
		if len(page) < pairsPage {
			break
		}
		from = kv.After(page[len(page)-1].Key)
	}
	for other, p := range rem.pairs {
		user, account := h, other
		if c == identity.Accounts {
			user, account = other, h
		}
		d.Put(codec.UserAccounts.Key(d.Keys(), user, account), p.Append(nil))
		d.Put(codec.AccountUsers.Key(d.Keys(), account, user), nil)
	}
	return removed, nil
}
