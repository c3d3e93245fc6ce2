package tx

import (
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// What a transaction keeps no record of is written by whoever makes it: keys of rooms
// above, and what moves or goes with strands. It comes before the records that changed,
// for what was removed may have been made again since.

// Put sets a key.
func (tx *Tx) Put(key, value []byte) { tx.Batch.Put(key, value) }

// Delete removes a key.
func (tx *Tx) Delete(key []byte) { tx.Batch.Delete(key) }

// DeleteRange removes the keys with from <= key < to.
func (tx *Tx) DeleteRange(from, to []byte) { tx.Batch.DeleteRange(from, to) }

// Require makes the commit a conflict unless a key has the value that was read.
func (tx *Tx) Require(key, value []byte) { tx.Batch.Require(key, value) }

// Tell adds a change to the feed: of a profile, or, if p is zero, of none.
func (tx *Tx) Tell(p codec.ProfileID, c identity.Collection, ch feed.Change) {
	if !p.IsZero() {
		ch.Profile = p.Text(c)
	}
	tx.changes = append(tx.changes, ch)
	tx.changeOf = append(tx.changeOf, p)
}
