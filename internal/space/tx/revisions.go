package tx

import (
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// On a store that several nodes write, a commit holds only if nothing that it
// read has changed. Records are required unchanged one by one. What was scanned
// cannot be: the lists of an ID that many strands hold, and the events of a
// strand. So whoever adds to a scanned list moves a revision in a record that
// the scanning side requires:
//
//   - a strand in the lists of a spilled ID moves the ID's record (putStrand);
//   - an event of a strand whose verdict a window may change moves the strand's
//     record (Bump);
//   - a strand whose verdict a window starts to change has had events that moved
//     nothing; it is decided again by the job, when they can be seen (watch).

// Bump moves the records of strands whose events others may be scanning.
func (d *Tx) Bump(h identity.Hash) {
	st := d.strands[h]
	if d.read == nil || st == nil || !codec.Windowed(st.Strand) {
		return
	}
	c := *st
	c.Revision++
	d.strands[h] = &c
	if _, ok := d.changedStrands[h]; !ok {
		d.changedStrands[h] = true
	}
}

// watch has the job decide again about strands that a window took hold of in
// this commit.
func (d *Tx) watch(s *codec.Strand, old *identity.Strand) {
	if d.read == nil || d.job || old == nil || codec.Windowed(old) || !codec.Windowed(s.Strand) {
		return
	}
	d.deferred = append(d.deferred, codec.Deferred{Strand: s.Hash, Collection: s.Collection, Moment: s.First.Moment})
}

// PutDeferred puts what the job is to decide into the batch.
func (d *Tx) PutDeferred() {
	for i := range d.deferred {
		d.Batch.Put(d.deferred[i].Key(d.keys), d.deferred[i].Append(nil))
	}
}

// Defers is how many replays the transaction defers.
func (d *Tx) Defers() int { return len(d.deferred) }

// DropDeferred forgets the replays that were deferred here: something else sees to them.
func (d *Tx) DropDeferred() { d.deferred = nil }
