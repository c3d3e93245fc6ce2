package profiles

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
)

// links serves the accounts of a user, or the users of an account.
func (h *handler) links(ctx context.Context, q *request) ([]byte, bool, error) {
	limit, err := q.limit(linksStd, linksMost)
	if err != nil {
		return nil, false, err
	}
	page, err := q.space.Links(ctx, q.ref, limit, q.query.Get("next"))
	if err != nil {
		return nil, false, err
	}
	b := append(make([]byte, 0, 2048), `{"data":[`...)
	for i := range page.Links {
		l := &page.Links[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"to_collection":"`...)
		b = append(b, l.Collection.String()...)
		b = append(b, `","to_segment_id":`...)
		b = answer.AppendString(b, l.To)
		b = append(b, `,"external_ids":[`...)
		for j := range l.Identifiers {
			if j > 0 {
				b = append(b, ',')
			}
			b = appendExternalID(b, l.Collection, &l.Identifiers[j])
		}
		b = append(b, `]}`...)
	}
	b = append(b, `],`...)
	b = q.cursor(b, page.Profile, page.Next, limit)
	return append(b, '}'), page.Provisional, nil
}
