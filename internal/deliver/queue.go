package deliver

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/segmentio/ksuid"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// work is one commit of a destination: what it read, and what it changes. The caller
// of update holds the destination's lock all the while.
type work struct {
	ctx context.Context
	d   *destination
	r   kv.Reader
	b   kv.Batch
	st  state
	now int64

	ledger  map[row]said
	entries map[uint64]*entry // nil: there is none
	last    map[identity.Hash]uint64
	// follows are messages that have to be gone before the next one of a lane.
	follows map[identity.Hash]uint64

	rows    map[row]bool    // changed
	changed map[uint64]bool // entries
}

// row names a row of the ledger.
type row struct {
	who  identity.Hash
	name string
}

func newWork(ctx context.Context, d *destination, r kv.Reader) *work {
	return &work{
		ctx: ctx, d: d, r: r, st: copyState(d.st), now: d.on.now().UnixNano(),
		ledger: map[row]said{}, entries: map[uint64]*entry{}, last: map[identity.Hash]uint64{}, follows: map[identity.Hash]uint64{},
		rows: map[row]bool{}, changed: map[uint64]bool{},
	}
}

// mostNames bounds the rows of the ledger that one identifier has.
const mostNames = 10_000

// told loads what identifiers of a collection were told, and the messages that say it.
func (w *work) told(collection string, ids ...Identifier) (heard, error) {
	hashes := make([]identity.Hash, len(ids))
	ranges := make([]kv.Range, len(ids))
	for i, id := range ids {
		hashes[i] = w.d.hashOf(collection, id)
		from, to := codec.Under(codec.Ledger.Of2(w.d.on.keys, w.d.number, hashes[i]))
		ranges[i] = kv.Range{From: from, To: to}
	}
	pages, err := w.r.Scans(w.ctx, ranges, mostNames, false)
	if err != nil {
		return nil, err
	}
	out := heard{}
	var pending []uint64
	for i, page := range pages {
		of := map[string]said{}
		for _, e := range page {
			_, _, name, ok := codec.Ledger.Parse(e.Key)
			if !ok {
				return nil, kv.ErrCorrupt
			}
			at := row{hashes[i], name}
			s, known := w.ledger[at]
			if !known {
				if s, err = decodeSaid(e.Value); err != nil {
					return nil, err
				}
				w.ledger[at] = s
			}
			of[name] = s
			if s.Pending != 0 {
				pending = append(pending, s.Pending)
			}
		}
		// What this commit has said of the identifier already.
		for at := range w.rows {
			if at.who == hashes[i] {
				of[at.name] = w.ledger[at]
			}
		}
		out[ids[i]] = of
	}
	return out, w.loadEntries(pending...)
}

// loadEntries loads messages of the queue.
func (w *work) loadEntries(seqs ...uint64) error {
	var missing []uint64
	var keys [][]byte
	for _, seq := range seqs {
		if _, known := w.entries[seq]; !known {
			w.entries[seq] = nil
			missing, keys = append(missing, seq), append(keys, codec.DeliveryQueue.Key(w.d.on.keys, w.d.number, seq))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	values, err := w.r.Get(w.ctx, keys...)
	if err != nil {
		return err
	}
	for i, v := range values {
		if v != nil {
			if w.entries[missing[i]], err = decodeEntry(missing[i], v); err != nil {
				return err
			}
		}
	}
	return nil
}

// loadLanes loads the last message of lanes.
func (w *work) loadLanes(lanes ...identity.Hash) error {
	var missing []identity.Hash
	var ranges []kv.Range
	for _, l := range lanes {
		if _, known := w.last[l]; !known {
			w.last[l] = 0
			from, to := codec.Under(codec.DeliveryLanes.Of2(w.d.on.keys, w.d.number, l))
			missing, ranges = append(missing, l), append(ranges, kv.Range{From: from, To: to})
		}
	}
	if len(missing) == 0 {
		return nil
	}
	pages, err := w.r.Scans(w.ctx, ranges, 1, true)
	if err != nil {
		return err
	}
	for i, page := range pages {
		if len(page) > 0 {
			_, _, seq, ok := codec.DeliveryLanes.Parse(page[0].Key)
			if !ok {
				return kv.ErrCorrupt
			}
			w.last[missing[i]] = seq
		}
	}
	return nil
}

// say puts a difference into the ledger and the queue. p is the profile it is about;
// nil: the identifier is of none any more.
func (w *work) say(s *say, p *Profile, collection, profile string) error {
	sub := s.About.Subscription
	at := row{w.d.hashOf(collection, s.Identifier), sub.Name}
	pending := w.entries[s.Before.Pending]
	m := s.message(profile)
	if f := w.d.def.Send.Filter; f != nil && s.Value != nil && !s.Silent && !f.takesMessage(&m, p) {
		return w.unsaid(at, pending)
	}
	if pending != nil && !w.d.maybeTried(pending) && (s.Value != nil || sub.Still || !s.Silent) {
		switch {
		case bytes.Equal(pending.Before.Value, s.Value):
			w.remove(pending)
			w.st.Counts.Replaced++
			w.put(at, said(pending.Before))
		case s.Silent:
			w.remove(pending)
			w.put(at, said{Value: s.Value})
		default:
			w.st.Counts.Replaced++
			if pending.Tries > 0 {
				// Whoever did not take it may remember its ID all the same.
				pending.Message.ID, pending.First = newMessageID(), 0
			}
			pending.Message.Before, pending.Message.Value = pending.Before.Value, s.Value
			pending.Message.What, pending.Message.At, pending.Message.Profile = whatOf(s), s.Since, profile
			w.changed[pending.Seq] = true
			w.put(at, said{Value: s.Value, Pending: pending.Seq})
		}
		return nil
	}
	if s.Silent {
		w.put(at, said{Value: s.Value})
		return nil
	}
	e, err := w.append(m, sub.Name)
	if err != nil {
		return err
	}
	e.Before = laterSaid(s.Before)
	if pending != nil && pending.Lane != e.Lane {
		e.After = pending.Seq
	}
	w.put(at, said{Value: s.Value, Pending: e.Seq})
	return nil
}

// unsaid is for a value that the filter keeps back: nothing is said, and the ledger does not
// say that it was. What waits and is so no more does not go either.
func (w *work) unsaid(at row, pending *entry) error {
	if pending == nil || w.d.maybeTried(pending) {
		return nil
	}
	w.remove(pending)
	w.st.Counts.Replaced++
	w.put(at, said(pending.Before))
	return nil
}

// message is what tells a difference, about a profile.
func (s *say) message(profile string) Message {
	m := Message{
		What: whatOf(s), Profile: profile, Identifier: s.Identifier, Key: s.About.Key.Name, Class: s.About.Class,
		Value: s.Value, Before: s.Before.Value, At: s.Since,
	}
	if sub := s.About.Subscription; sub.Name != m.Key {
		m.Mail = sub.Name
	}
	if wait := s.About.Wait; wait > 0 {
		m.NotBefore = s.Since + int64(wait)
	}
	return m
}

func whatOf(s *say) What {
	switch {
	case s.About.Class == Audience && s.Value != nil:
		return Entered
	case s.About.Class == Audience:
		return Exited
	case s.Value != nil:
		return TraitSet
	}
	return TraitRemoved
}

func (w *work) put(at row, s said) {
	w.ledger[at] = s
	w.rows[at] = true
}

// append puts a message at the end of its profile's lane.
func (w *work) append(m Message, name string) (*entry, error) {
	w.st.Seq++
	e := &entry{Seq: w.st.Seq, Lane: w.d.laneOf(m.Profile, name), Name: name, Next: max(w.now, m.NotBefore)}
	m.ID, m.Queued = newMessageID(), w.now
	e.Message = m
	if err := w.loadLanes(e.Lane); err != nil {
		return nil, err
	}
	if before := w.follows[e.Lane]; before != 0 {
		e.After = before
		delete(w.follows, e.Lane)
	}
	if w.last[e.Lane] == 0 {
		w.b.Put(w.dueKey(e), nil)
		// It is tried as soon as it is there, and needs no commit for that.
		e.Begun = e.Next <= w.now && !w.d.limits().AtMostOnce && !w.d.troubled.Load() && w.d.stoppedBy(&w.st) == nil
	}
	w.last[e.Lane] = e.Seq
	w.b.Put(codec.DeliveryLanes.Key(w.d.on.keys, w.d.number, e.Lane, e.Seq), nil)
	w.entries[e.Seq] = e
	w.changed[e.Seq] = true
	w.st.Queued++
	return e, nil
}

func newMessageID() string { return "msg_" + ksuid.New().String() }

func (w *work) dueKey(e *entry) []byte {
	return codec.DeliveryDue.Key(w.d.on.keys, w.d.number, e.Next, e.Lane)
}

// remove takes a message out of the queue that was never tried. What waits behind it
// may be due: the lane is looked at again.
func (w *work) remove(e *entry) {
	w.drop(e)
	w.b.Put(codec.DeliveryDue.Key(w.d.on.keys, w.d.number, w.now, e.Lane), nil)
}

// drop takes a message out of the queue.
func (w *work) drop(e *entry) {
	w.b.Delete(codec.DeliveryQueue.Key(w.d.on.keys, w.d.number, e.Seq))
	w.b.Delete(codec.DeliveryLanes.Key(w.d.on.keys, w.d.number, e.Lane, e.Seq))
	w.entries[e.Seq] = nil
	delete(w.changed, e.Seq)
	w.st.Queued--
	if w.last[e.Lane] == e.Seq {
		// Others may be in front of it. Then the next message says in vain that the lane
		// is due, and whoever looks sees that it is not.
		w.last[e.Lane] = 0
	}
}

// finish puts all changes into the batch and returns the state as it will be stored.
func (w *work) finish() ([]byte, error) {
	for at := range w.rows {
		key := codec.Ledger.Key(w.d.on.keys, w.d.number, at.who, at.name)
		if s := w.ledger[at]; s.Value == nil && s.Pending == 0 {
			w.b.Delete(key)
		} else {
			w.b.Put(key, encodeSaid(s))
		}
	}
	for _, seq := range slices.Sorted(maps.Keys(w.changed)) {
		v, err := w.entries[seq].encode()
		if err != nil {
			return nil, err
		}
		w.b.Put(codec.DeliveryQueue.Key(w.d.on.keys, w.d.number, seq), v)
	}
	stored, err := json.Marshal(&w.st)
	if err != nil {
		return nil, err
	}
	key := codec.DestinationStates.Key(w.d.on.keys, w.d.number)
	w.d.fence.Require(&w.b)
	w.b.Require(key, w.d.stored)
	w.b.Put(key, stored)
	return stored, nil
}
