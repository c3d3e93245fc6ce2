package space

import (
	"encoding/json"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// NoIDs is the reason of an unresolved event that has no ID which the rules take.
const NoIDs = "no external ID"

// mostUnresolvedIDs bounds the IDs that the feed tells of an unresolved event.
const mostUnresolvedIDs = 20

// emitUnresolved tells the feed of an event that is of no profile, and why.
func (c *commit) emitUnresolved(e *placedEvent) {
	ch := feed.Change{Kind: feed.Unresolved, Reason: NoIDs}
	collection := identity.Users
	var ids []identity.ID
	for _, l := range e.leftOut {
		ids = append(ids, l.ID)
		ch.Reason, collection = l.Why, l.Collection
	}
	for _, sd := range [...]*side{&e.account, &e.users} {
		if len(sd.ids) == 0 {
			continue
		}
		collection = identity.Users
		if sd == &e.account {
			collection = identity.Accounts
		}
		ids = append(ids, sd.ids...)
		ch.Reason = identity.ReasonBlocked.String()
		// An ID that is not blocked was left out: that is the better reason.
		if st := c.Strand(sd.hash); st != nil {
			for i := range st.Links {
				l := &st.Links[i]
				if l.Reason == identity.ReasonIsolated {
					ch.Reason = tx.ReasonText(l)
				}
				if l.Verdict == identity.Demoted {
					ch.Reason = tx.ReasonText(l)
					break
				}
			}
		}
	}
	if len(ids) > 0 {
		ch.IDType, ch.IDValue = feed.Clip(ids[0].Type), feed.Clip(ids[0].Value)
	}
	if len(ids) > 1 {
		names := make([]string, 0, min(len(ids), mostUnresolvedIDs))
		for _, id := range ids[:min(len(ids), mostUnresolvedIDs)] {
			names = append(names, feed.Clip(id.Type)+":"+feed.Clip(id.Value))
		}
		ch.Value, _ = json.Marshal(names) // strings can always be encoded
	}
	c.Emit(codec.ProfileID{}, collection, ch, e.occasion(identity.Hash{}))
}
