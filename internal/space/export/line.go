package export

import (
	"bytes"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// appendEvent appends an event as a line from which an import makes the same event: its
// body as it was sent, with the time of receipt. What was not said by the body itself, its
// type, its messageId or a time that was set right by the request, is put into it.
func appendEvent(b []byte, e *journal.Event) []byte {
	body := bytes.TrimSpace(e.Body)
	again, err := event.Parse(body, event.Envelope{ReceivedAt: e.ReceivedAt})
	if err == nil && again.Type == e.Type && again.Time == e.Time && again.MessageID == e.MessageID {
		if !bytes.Contains(body, []byte(`eceived`)) {
			return appendMembers(appendLine(b, body[:len(body)-1]), len(bytes.TrimSpace(body[1:len(body)-1])) > 0, e, false)
		}
		return rewritten(b, body, e, false)
	}
	return rewritten(b, body, e, true)
}

// rewritten appends the body without what is put in its place.
func rewritten(b, body []byte, e *journal.Event, all bool) []byte {
	b = append(b, '{')
	some := false
	event.ForEach(body, func(key string, value []byte) bool {
		switch key {
		case "receivedAt":
			return true
		case "type", "messageId", "timestamp", "originalTimestamp", "sentAt":
			if all {
				return true
			}
		}
		if some {
			b = append(b, ',')
		}
		some = true
		b = appendLine(append(appendQuoted(b, key), ':'), value)
		return true
	})
	return appendMembers(b, some, e, all)
}

// appendMembers appends what the server knows of an event, and ends the object.
func appendMembers(b []byte, some bool, e *journal.Event, all bool) []byte {
	put := func(name, value string) {
		if some {
			b = append(b, ',')
		}
		some = true
		b = appendQuoted(append(appendQuoted(b, name), ':'), value)
	}
	if all {
		put("type", e.Type.String())
		put("messageId", e.MessageID)
		put("timestamp", timeText(e.Time))
	}
	put("receivedAt", timeText(e.ReceivedAt))
	return append(b, '}')
}
