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
func (tx *Tx) Bump(h identity.Hash) {
	st := tx.strands[h]
	if tx.read == nil || st == nil || !codec.Windowed(st.Strand) {
		return
	}
	c := *st
	c.Revision++
	tx.strands[h] = &c
	if _, ok := tx.changedStrands[h]; !ok {
		tx.changedStrands[h] = true
	}
}

// watch has the job decide again about strands that a window took hold of in
// this commit.
func (tx *Tx) watch(s *codec.Strand, old *identity.Strand) {
	if tx.read == nil || tx.job || old == nil || codec.Windowed(old) || !codec.Windowed(s.Strand) {
		return
	}
	tx.deferred = append(tx.deferred, codec.Deferred{Strand: s.Hash, Collection: s.Collection, Moment: s.First.Moment})
}

// PutDeferred puts what the job is to decide into the batch.
func (tx *Tx) PutDeferred() {
	for i := range tx.deferred {
		tx.Batch.Put(tx.deferred[i].Key(tx.keys), tx.deferred[i].Append(nil))
	}
}

// Defers is how many replays the transaction defers.
func (tx *Tx) Defers() int { return len(tx.deferred) }

// DropDeferred forgets the replays that were deferred here: something else sees to them.
func (tx *Tx) DropDeferred() { tx.deferred = nil }
