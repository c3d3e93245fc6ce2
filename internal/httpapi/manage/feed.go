package manage

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
)

// Feed reads the change feed.
type Feed interface {
	Feed(ctx context.Context, cursor string, limit int) ([]feed.Record, string, error)
}

// recordAnswer is a record of the change feed. Lanes and blocks are numbers of 64
// bits, of which JSON numbers hold 53 in most languages: they go as text.
type recordAnswer struct {
	Lane    string         `json:"lane"`
	Seq     uint64         `json:"seq"`
	Time    *time.Time     `json:"time"` // of the commit
	Events  int            `json:"events"`
	Blocks  []string       `json:"blocks,omitempty"`
	Changes []changeAnswer `json:"changes,omitempty"`
}

// changeAnswer is one change of a record.
type changeAnswer struct {
	Kind      string          `json:"kind"`
	Profile   string          `json:"profile,omitempty"`
	Version   uint64          `json:"version,omitempty"`
	From      string          `json:"from,omitempty"`
	IDType    string          `json:"id_type,omitempty"`
	IDValue   string          `json:"id_value,omitempty"`
	Reason    string          `json:"reason,omitempty"`
	Trait     string          `json:"trait,omitempty"`
	Value     json.RawMessage `json:"value,omitempty"`
	Time      *time.Time      `json:"time,omitempty"` // of the event that caused it
	MessageID string          `json:"message_id,omitempty"`
	Source    string          `json:"source,omitempty"`
}

func recordsOf(list []feed.Record) []recordAnswer {
	out := make([]recordAnswer, len(list))
	for i := range list {
		r := &list[i]
		a := &out[i]
		*a = recordAnswer{Lane: strconv.FormatUint(r.Lane, 10), Seq: r.Seq, Time: answer.Time(r.Time), Events: r.Events}
		for _, b := range r.Blocks {
			a.Blocks = append(a.Blocks, b.String())
		}
		if len(r.Changes) > 0 {
			a.Changes = make([]changeAnswer, len(r.Changes))
		}
		for k := range r.Changes {
			c := &r.Changes[k]
			a.Changes[k] = changeAnswer{
				Kind: c.Kind.String(), Profile: c.Profile, Version: c.Version, From: c.From, IDType: c.IDType, IDValue: c.IDValue,
				Reason: c.Reason, Trait: c.Trait, Value: c.Value, Time: eventTime(c.Time, c.MessageID != ""), MessageID: c.MessageID, Source: c.Source,
			}
		}
	}
	return out
}
