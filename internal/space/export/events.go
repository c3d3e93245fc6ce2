package export

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// The columns of events in tables. As NDJSON an event is what was sent, see appendEvent.
var eventColumns = []column{
	{"message_id", text}, {"type", text}, {"event", text}, {"timestamp", moment}, {"received_at", moment}, {"source", text},
	{"profile_id", text}, {"account_id", text}, {"user_id", text}, {"anonymous_id", text}, {"properties", raw}, {"traits", raw}, {"context", raw},
}

// stored is an event of a block.
type stored struct {
	journal.Event
	message event.Message
	head    *journal.Head
}

// readEvents reads blocks and makes the rows of the events that pass.
func (e *Export) readEvents(ctx context.Context, blocks []event.Block) piece {
	var out piece
	var taken compute.Taken
	v := e.fresh(ctx)
	out.err = journal.ReadEach(ctx, v.Reader(), v.Keys(), blocks, func(b *journal.Block) error {
		var events []stored
		for i := range b.Heads {
			one, m, state := b.Event(i)
			if state == journal.Gone {
				continue
			}
			out.looked++
			if state == journal.Damaged {
				out.damaged++
				continue
			}
			if e.request.Source != "" && one.Source != e.request.Source || e.ofEvent != nil && !e.ofEvent.holds(&m, one.Source, &taken) {
				continue
			}
			events = append(events, stored{one, m, &b.Heads[i]})
		}
		if b.Heads == nil {
			out.damaged++ // at least
		}
		rows, err := e.eventRows(v, events)
		out.rows = append(out.rows, rows...)
		return err
	})
	return out
}

// eventRows makes the rows of events, of those of an audience if that was asked.
func (e *Export) eventRows(v *space.View, events []stored) ([]row, error) {
	line := e.request.Format == NDJSON
	var users, accounts map[identity.Hash]codec.ProfileID
	var err error
	if !line || e.request.Audience != "" {
		if users, accounts, err = owners(v, events); err != nil {
			return nil, err
		}
	}
	var members map[codec.ProfileID]bool
	if e.request.Audience != "" {
		of := users
		if e.request.Collection == identity.Accounts {
			of = accounts
		}
		if members, err = e.members(v, of); err != nil {
			return nil, err
		}
	}
	rows := make([]row, 0, len(events))
	for i := range events {
		one := &events[i]
		if members != nil {
			p := users[one.head.User]
			if e.request.Collection == identity.Accounts {
				p = accounts[one.head.Account]
			}
			if !members[p] {
				continue
			}
		}
		if line {
			rows = append(rows, row{line: appendEvent(nil, &one.Event)})
		} else {
			rows = append(rows, row{cells: eventCells(one, users[one.head.User], accounts[one.head.Account])})
		}
	}
	return rows, nil
}

func eventCells(one *stored, user, account codec.ProfileID) []cell {
	m := &one.message
	profile := func(p codec.ProfileID, c identity.Collection) cell {
		if p.IsZero() {
			return cell{}
		}
		return textCell(p.Text(c))
	}
	return []cell{
		textCell(one.MessageID), textCell(one.Type.String()), textCell(one.Name), momentCell(one.Time), momentCell(one.ReceivedAt), textCell(one.Source),
		profile(user, identity.Users), profile(account, identity.Accounts), textCell(m.UserID), textCell(m.AnonymousID),
		rawCell(m.Properties), rawCell(m.Traits), rawCell(event.Lookup(one.Body, "context")),
	}
}

// owners finds the profiles that the strands of events belong to.
func owners(v *space.View, events []stored) (users, accounts map[identity.Hash]codec.ProfileID, err error) {
	users, accounts = map[identity.Hash]codec.ProfileID{}, map[identity.Hash]codec.ProfileID{}
	for i := range events {
		if h := events[i].head; h.HasUser {
			users[h.User] = codec.ProfileID{}
		}
		if h := events[i].head; h.HasAccount {
			accounts[h.Account] = codec.ProfileID{}
		}
	}
	for _, of := range []map[identity.Hash]codec.ProfileID{users, accounts} {
		if err := ownersOf(v, of); err != nil {
			return nil, nil, err
		}
	}
	return users, accounts, nil
}

func ownersOf(v *space.View, of map[identity.Hash]codec.ProfileID) error {
	strands := make([]identity.Hash, 0, len(of))
	for h := range of {
		strands = append(strands, h)
	}
	if err := v.LoadStrands(strands...); err != nil {
		return err
	}
	top := map[identity.Hash]identity.Hash{}
	var ids []identity.Hash
	for _, h := range strands {
		if st := v.Strand(h); st != nil {
			if l, ok := st.Top(v.Rules(), v.Overrides()); ok {
				top[h] = l.Hash
				ids = append(ids, l.Hash)
			}
		}
	}
	if err := v.LoadIdentifiers(ids...); err != nil {
		return err
	}
	for _, h := range strands {
		if n := v.Identifier(top[h]); n != nil {
			of[h] = n.Owner
		}
	}
	return nil
}

// members are the profiles, of those that strands belong to, that are in the audience.
func (e *Export) members(v *space.View, of map[identity.Hash]codec.ProfileID) (map[codec.ProfileID]bool, error) {
	var ids []codec.ProfileID
	members := map[codec.ProfileID]bool{}
	for _, p := range of {
		if _, there := members[p]; !there && !p.IsZero() {
			members[p] = false
			ids = append(ids, p)
		}
	}
	states, err := e.told.States(v, ids)
	if err != nil {
		return nil, err
	}
	for i, p := range ids {
		_, members[p] = states[i].In(e.audience)
	}
	return members, nil
}
