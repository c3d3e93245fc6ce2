package profile

import "github.com/selfsame-id/selfsame/internal/event"

// Metadata says when and where a strand or a profile was first and last seen: the
// moments of the events themselves. The zero Metadata is that of something never
// seen.
type Metadata struct {
	First, Last                   event.Moment
	FirstMessageID, FirstSourceID string
	LastMessageID, LastSourceID   string
}

// Sighting is the Metadata of a single event.
func Sighting(at event.Moment, messageID, source string) Metadata {
	return Metadata{
		First: at, FirstMessageID: messageID, FirstSourceID: source,
		Last: at, LastMessageID: messageID, LastSourceID: source,
	}
}

// FoldMetadata joins the metadata of strands: the earliest first event and the
// latest last event.
func FoldMetadata(parts ...Metadata) Metadata {
	var all Metadata
	for _, m := range parts {
		all = all.join(m)
	}
	return all
}

func (m Metadata) join(o Metadata) Metadata {
	switch {
	case o == Metadata{}:
		return m
	case m == Metadata{}:
		return o
	}
	if o.First.Before(m.First) {
		m.First, m.FirstMessageID, m.FirstSourceID = o.First, o.FirstMessageID, o.FirstSourceID
	}
	if m.Last.Before(o.Last) {
		m.Last, m.LastMessageID, m.LastSourceID = o.Last, o.LastMessageID, o.LastSourceID
	}
	return m
}
