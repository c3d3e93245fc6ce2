package api

import (
	"time"

	"github.com/selfsame-id/selfsame/internal/catalog"
)

// Source is a source with what the space of the path has of its events.
type Source struct {
	catalog.Source
	Events int64      `json:"events"`
	Last   *time.Time `json:"last_event_at"` // when the last was received; nil: none was
}
