package profiles

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// externalIDs serves a profile's external IDs, oldest first.
func (h *handler) externalIDs(ctx context.Context, q *request) ([]byte, bool, error) {
	limit, err := q.limit(externalIDsStd, externalIDsMost)
	if err != nil {
		return nil, false, err
	}
	// Nothing is left out without verbose: there is no more to say of an ID.
	if _, err := q.flag("verbose"); err != nil {
		return nil, false, err
	}
	after, err := parsePlace(q.query.Get("next"))
	if err != nil {
		return nil, false, err
	}
	view, err := q.space.ReadProfile(ctx, q.ref, query.PartIdentifiers)
	if err != nil {
		return nil, false, err
	}
	include, next := q.set("include"), ""
	var page []profile.Identifier
	for i := after.index(view.Identifiers); i < len(view.Identifiers); i++ {
		id := &view.Identifiers[i]
		if include != nil && !include[id.Type] {
			continue
		}
		if len(page) == limit {
			next = placeOf(&page[limit-1])
			break
		}
		page = append(page, *id)
	}
	if err := q.space.NameIdentifiers(ctx, page); err != nil {
		return nil, false, err
	}
	b := append(make([]byte, 0, 2048), `{"data":[`...)
	for i := range page {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendExternalID(b, view.Collection, &page[i])
	}
	b = append(b, `],`...)
	b = q.cursor(b, view.ID, next, limit)
	return append(b, '}'), view.Provisional, nil
}

func appendExternalID(b []byte, c identity.Collection, id *profile.Identifier) []byte {
	b = append(b, `{"source_id":`...)
	b = answer.AppendString(b, id.Source)
	b = append(b, `,"collection":"`...)
	b = append(b, c.String()...)
	b = append(b, `","id":`...)
	b = answer.AppendString(b, id.Value)
	b = append(b, `,"type":`...)
	b = answer.AppendString(b, id.Type)
	b = append(b, `,"created_at":`...)
	b = answer.AppendTime(b, id.Time)
	b = append(b, `,"encoding":"none","first_message_id":`...)
	b = answer.AppendString(b, id.MessageID)
	return append(b, '}')
}

// place is where a page of IDs ended. It names the ID and not its number, for
// IDs may be added before it by the time the next page is asked for.
type place struct {
	seen        int64
	kind, value string
	given       bool
}

func placeOf(id *profile.Identifier) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(id.Time, 36) + ":" + id.Type + ":" + id.Value))
}

func parsePlace(text string) (place, error) {
	if text == "" {
		return place{}, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	parts := strings.SplitN(string(raw), ":", 3)
	if err == nil && len(parts) == 3 {
		if seen, err := strconv.ParseInt(parts[0], 36, 64); err == nil {
			return place{seen, parts[1], parts[2], true}, nil
		}
	}
	return place{}, answer.BadParameter("next is not a page token of this list; leave it out to begin at the first page.")
}

// index finds where the next page begins: after the ID, or, if it is no longer
// there, at the first one that was seen later.
func (p place) index(ids []profile.Identifier) int {
	if !p.given {
		return 0
	}
	for i := range ids {
		if ids[i].Type == p.kind && ids[i].Value == p.value {
			return i + 1
		}
	}
	for i := range ids {
		if ids[i].Time > p.seen {
			return i
		}
	}
	return len(ids)
}
