package tx

import (
	"bytes"
	"slices"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Rewrite notes that a strand's rows are not what they were, or that an account has
// other users than it had.
func (tx *Tx) Rewrite(strand identity.Hash) {
	if tx.rowsTold {
		tx.rewritten = append(tx.rewritten, strand)
	}
}

// regroupBy notes the profiles between which a strand moves when other IDs of it are
// accepted than before: those that own any of them.
func (tx *Tx) regroupBy(s *codec.Strand, old *identity.Strand) {
	if old == nil || !tx.rowsTold {
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
		if n := tx.nodes[s.Links[i].Hash]; n != nil && !n.Owner.IsZero() {
			if tx.regrouped == nil {
				tx.regrouped = map[codec.ProfileID]identity.Collection{}
			}
			tx.regrouped[n.Owner] = s.Collection
		}
	}
}

// tellRegrouped adds to the feed which profiles have other strands, as far as no other
// change says so.
func (tx *Tx) tellRegrouped() {
	slices.SortFunc(tx.rewritten, func(a, b identity.Hash) int { return bytes.Compare(a[:], b[:]) })
	tx.rewritten = slices.Compact(tx.rewritten)
	if len(tx.regrouped) == 0 {
		return
	}
	for i := range tx.changes {
		switch c := &tx.changes[i]; {
		case c.Kind == feed.Merged, c.Kind == feed.Unmerged, c.Kind == feed.IDRemoved, c.Kind == feed.IDAdded && c.From != "":
			delete(tx.regrouped, tx.changeOf[i])
		}
	}
	for p, c := range tx.regrouped {
		tx.Emit(p, c, feed.Change{Kind: feed.Regrouped}, tx.noEvent())
	}
}

// Rewritten lists the strands whose rows are not what they were, each once, in order;
// after Stage.
func (tx *Tx) Rewritten() []identity.Hash { return tx.rewritten }

// Sides are the strands of an event, of which it has one in each collection at most.
type Sides struct {
	User, Account       identity.Hash
	HasUser, HasAccount bool
}

// PlaceRows calls f with the places of an event's rows: those for its account are under
// its account strand, if it has one, and all others under its user strand.
func PlaceRows(of Sides, rows []compute.Row, f func(strand identity.Hash, row *compute.Row)) {
	for i := range rows {
		switch {
		case rows[i].Account && of.HasAccount:
			f(of.Account, &rows[i])
		case of.HasUser:
			f(of.User, &rows[i])
		}
	}
}
