package profiles

import (
	"context"
	"strings"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/journal"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// A page of events ends early when it has pageBytes; it is read in pieces, so
// that not much more than that is in memory.
const (
	pageBytes  = 4 << 20
	pagePieces = 50
)

// events serves a profile's history, newest first.
func (h *handler) events(ctx context.Context, q *request) ([]byte, bool, error) {
	query, err := q.eventQuery()
	if err != nil {
		return nil, false, err
	}
	limit, count, provisional := query.Limit, 0, false
	rules := q.space.Ruleset()
	b := append(make([]byte, 0, 4096), `{"data":[`...)
	for {
		query.Limit = min(limit-count, pagePieces)
		page, err := q.space.Events(ctx, q.ref, query)
		if err != nil {
			return nil, false, err
		}
		for i := range page.Events {
			if count > 0 {
				b = append(b, ',')
			}
			count++
			b = appendEvent(b, &page.Events[i], rules, q.collection, page.Profile)
		}
		provisional = provisional || page.Provisional
		if query.Next = page.Next; query.Next == "" || count >= limit || limit <= pagePieces || len(b) >= pageBytes {
			b = append(b, `],`...)
			b = q.cursor(b, page.Profile, page.Next, limit)
			return append(b, '}'), provisional, nil
		}
	}
}

func (q *request) eventQuery() (e query.EventQuery, err error) {
	if e.Limit, err = q.limit(eventsStd, eventsMost); err != nil {
		return e, err
	}
	if e.Start, err = Moment(q.query, "start"); err != nil {
		return e, err
	}
	if e.End, err = Moment(q.query, "end"); err != nil {
		return e, err
	}
	switch strings.ToLower(q.query.Get("sort")) {
	case "", "desc":
	case "asc":
		e.Oldest = true
	default:
		return e, answer.BadParameter("sort is neither asc nor desc.")
	}
	e.Include, e.Exclude, e.Next = q.list("include"), q.list("exclude"), q.query.Get("next")
	if text := q.query.Get("strand"); text != "" {
		if e.Strand, err = space.ParseStrand(text); err != nil {
			return e, err
		}
	}
	for _, name := range q.words("type") {
		t := event.TypeOf(name)
		if t == 0 {
			return e, answer.BadParameter("type has a name that is not one of identify, track, page, screen, group, alias.")
		}
		e.Types = append(e.Types, t)
	}
	return e, nil
}

// appendEvent appends an event as Segment shows it. The body was valid when it
// was taken, so its parts go out as they came in.
func appendEvent(b []byte, e *journal.Event, rules *identity.Ruleset, c identity.Collection, profile string) []byte {
	var context, properties, traits []byte
	event.ForEach(e.Body, func(key string, value []byte) bool {
		switch key {
		case "context":
			context = value
		case "properties":
			properties = value
		case "traits":
			traits = value
		}
		return true
	})
	b = append(b, `{"external_ids":[`...)
	b = appendPromoted(b, e, rules)
	b = append(b, `],"context":`...)
	b = append(b, orEmpty(context)...)
	b = append(b, `,"type":"`...)
	b = append(b, e.Type.String()...)
	b = append(b, `","message_id":`...)
	b = answer.AppendString(b, e.MessageID)
	b = append(b, `,"source_id":`...)
	b = answer.AppendString(b, e.Source)
	b = append(b, `,"timestamp":`...)
	b = answer.AppendTime(b, e.Time)
	switch e.Type {
	case event.Identify, event.Group:
		b = append(b, `,"traits":`...)
		b = append(b, orEmpty(traits)...)
	case event.Track, event.Page, event.Screen:
		b = append(b, `,"properties":`...)
		b = append(b, orEmpty(properties)...)
	}
	if e.Name != "" {
		b = append(b, `,"event":`...)
		b = answer.AppendString(b, e.Name)
	}
	if e.Damaged {
		b = append(b, `,"damaged":true`...)
	}
	b = append(b, `,"related":{"`...)
	b = append(b, c.String()...)
	b = append(b, `":`...)
	b = answer.AppendString(b, profile)
	return append(b, `}}`...)
}

// appendPromoted appends the external IDs that the event's body holds under the
// present rules.
func appendPromoted(b []byte, e *journal.Event, rules *identity.Ruleset) []byte {
	if rules == nil {
		return b
	}
	m, err := event.ParseStored(e.Body, event.Stored{Type: e.Type, Time: e.Time, ReceivedAt: e.ReceivedAt, MessageID: e.MessageID})
	if err != nil {
		return b
	}
	promoted := rules.Promote(&m, e.Source)
	first := true
	list := func(c identity.Collection, ids []identity.ID) {
		for _, id := range ids {
			if !first {
				b = append(b, ',')
			}
			first = false
			b = append(b, `{"collection":"`...)
			b = append(b, c.String()...)
			b = append(b, `","type":`...)
			b = answer.AppendString(b, id.Type)
			b = append(b, `,"id":`...)
			b = answer.AppendString(b, id.Value)
			b = append(b, `,"encoding":"none"}`...)
		}
	}
	list(identity.Users, promoted.Users)
	list(identity.Accounts, promoted.Accounts)
	return b
}

// orEmpty puts an empty object in the place of what is not an object.
func orEmpty(value []byte) []byte {
	if len(value) == 0 || value[0] != '{' {
		return []byte("{}")
	}
	return value
}
