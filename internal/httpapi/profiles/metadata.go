package profiles

import (
	"context"
	"strconv"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// metadata serves when and where a profile was first and last seen. Profiles
// don't expire.
func (h *handler) metadata(ctx context.Context, q *request) ([]byte, bool, error) {
	verbose, err := q.flag("verbose")
	if err != nil {
		return nil, false, err
	}
	view, err := q.space.ReadProfile(ctx, q.ref, query.PartMetadata)
	if err != nil {
		return nil, false, err
	}
	m := &view.Metadata
	b := append(make([]byte, 0, 512), `{"metadata":{"created_at":`...)
	b = appendSeen(b, m.First.Time, &view)
	b = append(b, `,"updated_at":`...)
	b = appendSeen(b, m.Last.Time, &view)
	b = append(b, `,"expires_at":null,"first_message_id":`...)
	b = answer.AppendString(b, m.FirstMessageID)
	b = append(b, `,"first_source_id":`...)
	b = answer.AppendString(b, m.FirstSourceID)
	b = append(b, `,"last_message_id":`...)
	b = answer.AppendString(b, m.LastMessageID)
	b = append(b, `,"last_source_id":`...)
	b = answer.AppendString(b, m.LastSourceID)
	b = append(b, `,"provisional":`...)
	b = strconv.AppendBool(b, view.Provisional)
	if verbose {
		b = append(b, `,"segment_id":`...)
		b = answer.AppendString(b, view.ID)
		b = append(b, `,"merged_ids":[`...)
		for i, id := range view.Merged {
			if i > 0 {
				b = append(b, ',')
			}
			b = answer.AppendString(b, id)
		}
		b = append(b, `],"strands":`...)
		b = strconv.AppendInt(b, int64(view.Strands), 10)
		b = append(b, `,"version":`...)
		b = strconv.AppendUint(b, view.Version, 10)
	}
	return append(b, `}}`...), view.Provisional, nil
}

// appendSeen appends a time of a profile's metadata: null if no event of it is
// left.
func appendSeen(b []byte, ns int64, v *query.Profile) []byte {
	if ns == 0 && v.Strands == 0 {
		return append(b, "null"...)
	}
	return answer.AppendTime(b, ns)
}
