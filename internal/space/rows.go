package space

import (
	"bytes"
	"slices"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Rows of the definitions hang on strands. A row is written with its event, in the
// same commit, and never changed; it moves when its event gets another strand, and
// goes when that is erased. Whoever evaluates definitions reads the rows of a profile's
// strands, so regrouping strands touches no row: the feed says which profiles got
// other strands, and which strands got rows.

// extract takes out of a delivery's events what the definitions at work need.
func (s *Space) extract(w *ingestRequest) {
	w.definitions = s.definitions.Load()
	x := w.definitions.Extractor
	if x == nil {
		for i := range w.events {
			w.events[i].rows = nil
		}
		return
	}
	var taken compute.Taken
	for i := range w.events {
		e := &w.events[i]
		from := len(taken.Rows)
		x.Extract(e.msg, w.delivery.Source, &taken)
		e.rows = taken.Rows[from:len(taken.Rows):len(taken.Rows)]
	}
}

// stageRows puts the rows of new events into the batch and the feed record.
func (s *Space) stageRows(d *Tx) {
	n := 0
	for i := range d.fresh {
		e := &d.fresh[i]
		placeRows(&e.users, &e.account, e.rows, func(identity.Hash, *compute.Row) { n++ })
	}
	if n == 0 {
		return
	}
	arena := make([]byte, 0, n*codec.RowKeyBytes)
	d.record.Rows = make([]feed.Row, 0, n)
	for i := range d.fresh {
		e := &d.fresh[i]
		placeRows(&e.users, &e.account, e.rows, func(strand identity.Hash, row *compute.Row) {
			at := len(arena)
			arena = codec.Rows.Append(arena, d.keys, strand, uint32(row.Stream), e.at)
			s.putNew(&d.batch, arena[at:len(arena):len(arena)], row.Value)
			d.record.Rows = append(d.record.Rows, feed.Row{Strand: strand, Stream: uint32(row.Stream), At: e.at, Value: row.Value})
		})
	}
}

// movedRows are the rows of an event that has other strands under new rules.
type movedRows struct {
	users, account       side // the strands it had
	newUsers, newAccount side
	at                   event.Moment
	rows                 []compute.Row
}

// strandOf is a side of an event of which only the strand is known.
func strandOf(has bool, strand identity.Hash) side {
	if !has {
		return side{}
	}
	return side{hash: strand, ids: make([]identity.ID, 1)}
}

// moveRows gives rows to the new strands of their events.
func (d *Tx) moveRows(moved []movedRows) {
	for i := range moved {
		m := &moved[i]
		placeRows(&m.users, &m.account, m.rows, func(strand identity.Hash, row *compute.Row) {
			d.remove(codec.Rows.Key(d.keys, strand, uint32(row.Stream), m.at))
			d.rewrite(strand)
		})
		placeRows(&m.newUsers, &m.newAccount, m.rows, func(strand identity.Hash, row *compute.Row) {
			d.put(codec.Rows.Key(d.keys, strand, uint32(row.Stream), m.at), row.Value)
			d.rewrite(strand)
		})
	}
}

// rewrite notes that a strand's rows are not what they were, or that an account has
// other users than it had.
func (d *Tx) rewrite(strand identity.Hash) {
	if d.definitions.Revision > 0 {
		d.record.Rewritten = append(d.record.Rewritten, strand)
	}
}

// regroupBy notes the profiles between which a strand moves when other IDs of it are
// accepted than before: those that own any of them.
func (d *Tx) regroupBy(s *codec.Strand, old *identity.Strand) {
	if old == nil || d.definitions.Revision == 0 {
		return
	}
	same := true
	for i := range s.Links {
		same = same && (s.Links[i].Verdict == identity.Accepted) == (old.Links[i].Verdict == identity.Accepted)
	}
	if same {
		return
	}
	for i := range s.Links {
		if s.Links[i].Verdict != identity.Accepted && old.Links[i].Verdict != identity.Accepted {
			continue
		}
		if n := d.nodes[s.Links[i].Hash]; n != nil && !n.Owner.IsZero() {
			if d.regrouped == nil {
				d.regrouped = map[codec.ProfileID]identity.Collection{}
			}
			d.regrouped[n.Owner] = s.Collection
		}
	}
}

// tellRegrouped adds to the feed which profiles have other strands, as far as no other
// change says so.
func (d *Tx) tellRegrouped() {
	slices.SortFunc(d.record.Rewritten, func(a, b identity.Hash) int { return bytes.Compare(a[:], b[:]) })
	d.record.Rewritten = slices.Compact(d.record.Rewritten)
	if len(d.regrouped) == 0 {
		return
	}
	for i := range d.changes {
		switch c := &d.changes[i]; {
		case c.Kind == feed.Merged, c.Kind == feed.Unmerged, c.Kind == feed.IDRemoved, c.Kind == feed.IDAdded && c.From != "":
			delete(d.regrouped, d.changeOf[i])
		}
	}
	for p, c := range d.regrouped {
		d.emit(p, c, feed.Change{Kind: feed.Regrouped}, d.noEvent())
	}
}
