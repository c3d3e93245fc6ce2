package rules

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// Rules that look for IDs in other places (key, exclude, alias) give events other
// strands. From the commit on that makes them the rules at work, events come
// under their new strands; what was stored before is moved there, in two steps
// that any crash may interrupt, and then new rules are applied as always, see
// apply.go.
//
// First the journal is read in order. Every event that has another strand now is
// moved: its place in the index, what its block's header says, what it said of
// traits, and which account and user it showed together. The strands that lost
// events are remembered (kindMoved) and stay as they were, so that nobody's
// profile has a hole meanwhile. Then each of those is looked at once more: what
// it still has decides about its first event and traits, and one that is left
// with nothing goes, and with it IDs that nothing holds any more.

// The bounds of one commit that moves events: so that events wait for some tens
// of milliseconds.
const (
	movedEvents = 500
	movedBlocks = 64
)

// rekeyCursor says how far the journal was read for a change of rules.
type rekeyCursor struct {
	version uint64      // of the rules that look elsewhere
	block   event.Block // the last one that was read; allBlocks: all
}

func (c rekeyCursor) append(b []byte) []byte {
	return append(binary.BigEndian.AppendUint64(b, c.version), c.block[:]...)
}

// readRekeyCursor returns where to go on for a change of rules, zero at the start.
func readRekeyCursor(v *space.View, version uint64) (rekeyCursor, error) {
	start := rekeyCursor{version: version}
	got, err := v.Reader().Get(v.Context(), codec.RekeyCursor.Key(v.Keys()))
	if err != nil || got[0] == nil {
		return start, err
	}
	if len(got[0]) != 8+event.BlockBytes {
		return start, fmt.Errorf("%w: how far events were moved cannot be read", kv.ErrCorrupt)
	}
	c := rekeyCursor{version: binary.BigEndian.Uint64(got[0])}
	c.block, _ = event.ParseBlock(got[0][8:])
	if c.version != version {
		return start, nil // of an older change
	}
	return c, nil
}

// movedEvent is an event that has another strand under new rules, on one side.
type movedEvent struct {
	collection identity.Collection
	had        bool
	was        identity.Hash
	side       // what it has now
	at         event.Moment
	messageID  string
	source     string
	traits     []profile.Trait
}

// side is an event's strand in one collection.
type side struct {
	hash identity.Hash
	ids  []identity.ID // in canonical order; empty: no strand
}

// movedRows are the rows of an event that has other strands under new rules.
type movedRows struct {
	was, now tx.Sides
	at       event.Moment
	rows     []compute.Row
}

// movedPair is a user strand and an account strand that an event shows together.
type movedPair struct {
	user, account identity.Hash
	codec.Pair
}

// move is what one commit moves.
type move struct {
	events      []movedEvent
	pairs       []movedPair
	headers     map[event.Block][]journal.Head
	traits      map[identity.Hash]identity.Collection // strands whose traits are folded again
	rows        []movedRows
	definitions *space.Definitions // by which rows were taken
	cursor      rekeyCursor
}

func newMove(w *space.Applying, c rekeyCursor) *move {
	return &move{
		headers: map[event.Block][]journal.Head{}, traits: map[identity.Hash]identity.Collection{}, cursor: c,
		definitions: w.Definitions(),
	}
}

// rekey moves events to the strands that the rules at work give them.
func rekey(ctx context.Context, w *space.Applying) error {
	version, reorder := w.Rekey()
	if version == 0 {
		return nil
	}
	if reorder {
		if err := dropAllSeeds(ctx, w); err != nil {
			return err
		}
	}
	if err := moveEvents(ctx, w, version, reorder); err != nil {
		return err
	}
	return settleMoved(ctx, w)
}

// moveEvents reads the journal and moves what has another strand.
func moveEvents(ctx context.Context, w *space.Applying, version uint64, reorder bool) error {
	stored, err := w.View(ctx)
	if err != nil {
		return err
	}
	defer stored.Close()
	cursor, err := readRekeyCursor(stored, version)
	if err != nil || cursor.block == allBlocks {
		return err
	}
	total, err := stored.Counters()
	if err != nil {
		return err
	}
	m := newMove(w, cursor)
	done, blocks := int64(0), 0
	flush := func() error {
		err := commitMove(ctx, w, m)
		m = newMove(w, m.cursor)
		blocks = 0
		return err
	}
	r, keys := stored.Reader(), stored.Keys()
	from := kv.After(codec.Headers.Key(keys, cursor.block))
	_, end := codec.Headers.All(keys)
	for {
		page, err := r.Scan(ctx, from, end, movedBlocks, false)
		if err != nil {
			return err
		}
		for _, e := range page {
			id, ok := codec.Headers.Parse(e.Key)
			if !ok {
				return kv.ErrCorrupt
			}
			b, err := journal.Read(ctx, r, keys, id)
			if err != nil {
				return err
			}
			lookElsewhere(stored, b, reorder, m)
			done += int64(len(b.Heads))
			m.cursor.block = id
			if blocks++; len(m.events)+len(m.traits) >= movedEvents || blocks >= movedBlocks {
				if err := w.Tell(ctx, space.ApplyProgress{Stage: "moving", Done: done, Total: max(done, total.Events)}); err != nil {
					return err
				}
				if err := flush(); err != nil {
					return err
				}
			}
		}
		if len(page) < movedBlocks {
			break
		}
		from = kv.After(page[len(page)-1].Key)
	}
	m.cursor.block = allBlocks
	return flush()
}

// lookElsewhere finds the events of a block that have another strand now, and,
// with reorder, the strands that have traits. What cannot be read stays where it is.
func lookElsewhere(v *space.View, b *journal.Block, reorder bool, m *move) {
	changed := false
	for o := range b.Heads {
		e, msg, st := b.Event(o)
		if st != journal.Whole {
			continue
		}
		p := v.Rules().Promote(&msg, e.Source)
		h := &b.Heads[o]
		users, account := sideOf(v, identity.Users, p.Users), sideOf(v, identity.Accounts, p.Accounts)
		sameUser := h.HasUser == (len(users.ids) > 0) && (!h.HasUser || h.User == users.hash)
		sameAccount := h.HasAccount == (len(account.ids) > 0) && (!h.HasAccount || h.Account == account.hash)
		if reorder && h.HasUser && sameUser && e.Type == event.Identify {
			m.traits[h.User] = identity.Users
		}
		if reorder && h.HasAccount && sameAccount && e.Type == event.Group {
			m.traits[h.Account] = identity.Accounts
		}
		if sameUser && sameAccount {
			continue
		}
		changed = true
		if x := m.definitions.Extractor; x != nil {
			var taken compute.Taken
			if x.Extract(&msg, e.Source, &taken); len(taken.Rows) > 0 {
				m.rows = append(m.rows, movedRows{
					was: tx.Sides{User: h.User, HasUser: h.HasUser, Account: h.Account, HasAccount: h.HasAccount},
					now: tx.Sides{User: users.hash, HasUser: len(users.ids) > 0, Account: account.hash, HasAccount: len(account.ids) > 0},
					at:  h.Moment(b.ID, o), rows: taken.Rows,
				})
			}
		}
		one := movedEvent{at: h.Moment(b.ID, o), messageID: strings.Clone(e.MessageID), source: e.Source}
		if !sameUser {
			u := one
			u.collection, u.had, u.was, u.side = identity.Users, h.HasUser, h.User, users
			if len(users.ids) > 0 {
				u.traits = e.Traits(identity.Users, &msg)
			}
			m.events = append(m.events, u)
			h.HasUser, h.User = len(users.ids) > 0, users.hash
		}
		if !sameAccount {
			a := one
			a.collection, a.had, a.was, a.side = identity.Accounts, h.HasAccount, h.Account, account
			if len(account.ids) > 0 {
				a.traits = e.Traits(identity.Accounts, &msg)
			}
			m.events = append(m.events, a)
			h.HasAccount, h.Account = len(account.ids) > 0, account.hash
		}
		if h.HasUser && h.HasAccount {
			m.pairs = append(m.pairs, movedPair{h.User, h.Account, codec.Pair{Moment: one.at, MessageID: one.messageID, Source: e.Source}})
		}
	}
	if changed {
		m.headers[b.ID] = b.Heads
	}
}

// allBlocks is behind every block.
var allBlocks = event.NewBlock(event.MaxClock, math.MaxUint32)

func sideOf(v *space.View, c identity.Collection, ids []identity.ID) side {
	if len(ids) == 0 {
		return side{}
	}
	return side{v.Hasher().Strand(c, ids), ids}
}

// commitMove moves events in one commit, together with how far that is.
func commitMove(ctx context.Context, w *space.Applying, m *move) error {
	return w.Move(ctx, m.definitions, func(d *space.Tx) error {
		left, err := strandsLeft(d, m.events, m.traits)
		if err != nil {
			return err
		}
		for h, l := range left {
			d.Put(codec.LeftStrands.Key(d.Keys(), h), l.append(nil))
		}
		if err := dropSeeds(d, m.events); err != nil {
			return err
		}
		for i := range m.events {
			if err := moveEvent(d, &m.events[i]); err != nil {
				return err
			}
		}
		if err := movePairs(d, m.pairs); err != nil {
			return err
		}
		moveRows(d, m.rows)
		for block, heads := range m.headers {
			d.Put(codec.Headers.Key(d.Keys(), block), journal.AppendHeader(nil, heads))
		}
		d.Put(codec.RekeyCursor.Key(d.Keys()), m.cursor.append(nil))
		return nil
	})
}

// leftStrand is a strand that lost events: what is to be settled about it.
type leftStrand struct {
	collection identity.Collection
	lost       bool          // its first event
	successor  identity.Hash // where that went; zero: to no strand
}

func (l *leftStrand) append(b []byte) []byte {
	flags := byte(l.collection) << 1
	if l.lost {
		flags |= 1
	}
	return append(append(b, flags), l.successor[:]...)
}

func decodeLeft(b []byte) (leftStrand, error) {
	r := &codec.Reader{Rest: b}
	flags := r.Byte()
	return leftStrand{identity.Collection(flags >> 1), flags&1 != 0, r.Hash()}, r.Err
}

// strandsLeft lists the strands that events are moved from or whose traits are to
// be folded again, with what is remembered of them already.
func strandsLeft(d *space.Tx, events []movedEvent, traits map[identity.Hash]identity.Collection) (map[identity.Hash]*leftStrand, error) {
	left := map[identity.Hash]*leftStrand{}
	var hashes []identity.Hash
	var keys [][]byte
	for i := range events {
		if e := &events[i]; e.had && left[e.was] == nil {
			left[e.was] = &leftStrand{collection: e.collection}
			hashes = append(hashes, e.was)
			keys = append(keys, codec.LeftStrands.Key(d.Keys(), e.was))
		}
	}
	for h, c := range traits {
		if left[h] == nil {
			left[h] = &leftStrand{collection: c}
			hashes = append(hashes, h)
			keys = append(keys, codec.LeftStrands.Key(d.Keys(), h))
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	values, err := d.Get(keys)
	if err != nil {
		return nil, err
	}
	for i, v := range values {
		if v == nil {
			continue
		}
		if *left[hashes[i]], err = decodeLeft(v); err != nil {
			return nil, err
		}
	}
	if err := d.LoadStrands(hashes...); err != nil {
		return nil, err
	}
	for i := range events {
		e := &events[i]
		if st := d.Strand(e.was); e.had && st != nil && st.First.Moment == e.at {
			left[e.was].lost, left[e.was].successor = true, e.hash
		}
	}
	return left, nil
}

// dropSeeds drops replays that were deferred for moved events: the passes decide
// all of that, and a strand must not be replayed from an event that it lost.
func dropSeeds(d *space.Tx, events []movedEvent) error {
	from, end := codec.Deferrals.All(d.Keys())
	if some, err := d.Reader().Scan(d.Context(), from, end, 1, false); err != nil || len(some) == 0 {
		return err
	}
	var keys [][]byte
	var of []identity.Hash
	for i := range events {
		if e := &events[i]; e.had {
			seed := codec.Deferred{Strand: e.was, Collection: e.collection, Moment: e.at}
			keys = append(keys, seed.Key(d.Keys()))
			of = append(of, e.was)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	values, err := d.Get(keys)
	if err != nil {
		return err
	}
	for i, v := range values {
		if v == nil {
			continue
		}
		d.Delete(keys[i])
		if err := clearPendingStrand(d, of[i]); err != nil {
			return err
		}
	}
	return nil
}

// dropAllSeeds drops all replays that were deferred under another order: under
// order: arrival nothing is replayed, and the passes decide everything.
func dropAllSeeds(ctx context.Context, w *space.Applying) error {
	for {
		v, err := w.View(ctx)
		if err != nil {
			return err
		}
		recs, err := v.Deferred(movedEvents)
		v.Close()
		if err != nil || len(recs) == 0 {
			return err
		}
		if err := w.Move(ctx, nil, func(d *space.Tx) error {
			for i := range recs {
				d.Delete(recs[i].Key(d.Keys()))
				if err := clearPendingStrand(d, recs[i].Strand); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
}

// clearPendingStrand makes the answers about a strand's IDs final.
func clearPendingStrand(d *space.Tx, h identity.Hash) error {
	if err := d.LoadStrands(h); err != nil {
		return err
	}
	st := d.Strand(h)
	if st == nil {
		return nil
	}
	ids := make([]identity.Hash, len(st.Links))
	for k := range st.Links {
		ids[k] = st.Links[k].Hash
	}
	return d.ClearPending(ids)
}
