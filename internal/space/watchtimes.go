package space

import (
	"context"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
)

// unreadTimes warns of sources whose timestamps could not be read, and takes that
// back when the notes of it have become too old to be kept.
func (w *watcher) unreadTimes(ctx context.Context, r kv.Reader) error {
	counts, err := readRejectCounts(ctx, r, w.s.keys, 0)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for kind, n := range counts {
		if kind.code != string(event.TimestampUnread) || n.messages <= 0 {
			continue
		}
		name := warningID(UnreadTimes, kind.source)
		there[name] = true
		if one := w.warnings[name]; one != nil && one.Count >= n.messages {
			continue
		} else if one != nil {
			one.Count = 0 // the sum is counted anew
		}
		w.warn(name, w.s.cfg.Now().UnixNano(), n.messages, func() warningRecord {
			return warningRecord{
				Kind: UnreadTimes, Subject: identity.ID{Type: "source", Value: kind.source},
				Says: fmt.Sprintf("Events of the source %s have timestamps that cannot be read. They were stored with the time they were received.", kind.source),
				Do: fmt.Sprintf("See what was sent: selfsame rejects --source %s --code %s. Fix the app: an ISO 8601 time in the Gregorian calendar, such as 2019-11-15T14:00:05.000Z (on phones with a fixed locale, en_US_POSIX), or no timestamp.",
					kind.source, event.TimestampUnread),
			}
		})
	}
	for name, one := range w.warnings {
		if one.Kind == UnreadTimes && one.State == WarningOpen && !there[name] {
			one.State, one.changed = WarningResolved, true
		}
	}
	return nil
}
