package profile

import "cmp"

// Metadata says when and where a strand or a profile was first and last seen.
// Times are in nanoseconds since 1970, of the events themselves. The zero
// Metadata is that of something never seen.
type Metadata struct {
	CreatedAt, UpdatedAt          int64
	FirstMessageID, FirstSourceID string
	LastMessageID, LastSourceID   string
}

// Sighting is the Metadata of a single event.
func Sighting(time int64, messageID, source string) Metadata {
	return Metadata{
		CreatedAt: time, FirstMessageID: messageID, FirstSourceID: source,
		UpdatedAt: time, LastMessageID: messageID, LastSourceID: source,
	}
}

// FoldMetadata joins the metadata of strands: the earliest first event and the
// latest last event. Among events of one time the lower message ID, then source,
// is the earlier.
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
	if cmp.Or(cmp.Compare(o.CreatedAt, m.CreatedAt), cmp.Compare(o.FirstMessageID, m.FirstMessageID), cmp.Compare(o.FirstSourceID, m.FirstSourceID)) < 0 {
		m.CreatedAt, m.FirstMessageID, m.FirstSourceID = o.CreatedAt, o.FirstMessageID, o.FirstSourceID
	}
	if cmp.Or(cmp.Compare(o.UpdatedAt, m.UpdatedAt), cmp.Compare(o.LastMessageID, m.LastMessageID), cmp.Compare(o.LastSourceID, m.LastSourceID)) > 0 {
		m.UpdatedAt, m.LastMessageID, m.LastSourceID = o.UpdatedAt, o.LastMessageID, o.LastSourceID
	}
	return m
}
