package watch

import (
	"context"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// unreadTimes warns of sources whose timestamps could not be read, and takes that
// back when the notes of it have become too old to be kept.
func (m *memory) unreadTimes(ctx context.Context) error {
	counts, err := m.watcher.space.RejectCounts(ctx)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, n := range counts {
		if n.Code != string(event.TimestampUnread) || n.Messages <= 0 {
			continue
		}
		name := warningID(UnreadTimes, n.Source)
		there[name] = true
		if one := m.warnings[name]; one != nil && one.Count >= n.Messages {
			continue
		} else if one != nil {
			one.Count = 0 // the sum is counted anew
		}
		m.warn(name, m.watcher.space.Now().UnixNano(), n.Messages, func() warningRecord {
			return warningRecord{
				Kind: UnreadTimes, Subject: identity.ID{Type: "source", Value: n.Source},
				Says: fmt.Sprintf("Events of the source %s have timestamps that cannot be read. They were stored with the time they were received.", n.Source),
				Do: fmt.Sprintf("See what was sent: selfsame rejects --source %s --code %s. Fix the app: an ISO 8601 time in the Gregorian calendar, such as 2019-11-15T14:00:05.000Z (on phones with a fixed locale, en_US_POSIX), or no timestamp.",
					n.Source, event.TimestampUnread),
			}
		})
	}
	for name, one := range m.warnings {
		if one.Kind == UnreadTimes && one.State == WarningOpen && !there[name] {
			one.State, one.changed = WarningResolved, true
		}
	}
	return nil
}
