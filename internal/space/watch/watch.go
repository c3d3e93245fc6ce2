package watch

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/task"
)

// The watcher reads the feed behind the writer, with a cursor of its own that
// the store keeps, and warns of what people should look at. It takes no part in
// a commit, holds little in memory, and works a small part of the time, so that
// it costs ingestion next to nothing; under a heavy import it falls behind and
// catches up later. What it says follows from the times of the records, not from
// when it read them.
const (
	watchPause   = 2 * time.Second
	watchShare   = 30 // works one of so many moments
	watchWork    = 100 * time.Millisecond
	watchChanges = 100_000     // in one look
	watchRates   = time.Minute // how often it looks at hourly counts, types and rules
)

// watchRecord is what the watcher knows, as it is stored.
type watchRecord struct {
	Cursor string         `json:"cursor"`
	Hour   int64          `json:"hour"`
	Counts map[string]int `json:"counts,omitempty"` // the largest of the hour
}

// memory is what the watcher remembers between two looks. After any failure it is read
// from the store again.
type memory struct {
	watcher  *Watcher
	view     *space.View // of this look
	stored   []byte      // the watchRecord as it was read or written
	cursor   string
	hour     int64
	crowds   crowds
	warnings map[string]*watched
	page     int // records read at once
	looked   time.Time
	more     bool // the feed was not read to its end
	news     bool // records were read since it looked
}

// watched is a warning in the watcher's memory.
type watched struct {
	warningRecord
	stored  []byte // nil: not stored yet
	changed bool
}

// run looks once, and says when to look again: soon while there is more to read,
// else when something is committed.
func (w *Watcher) run(ctx context.Context, _ *lease.Lease) (task.Rest, error) {
	if !w.space.HasHistory() {
		return task.Rest{Least: watchPause, Most: w.space.IdleRest()}, nil // nothing to warn of
	}
	if !w.space.Store().Exclusive() && !w.space.InUse() {
		return task.Rest{Least: watchPause, Most: w.space.IdleRest()}, w.countWarnings(ctx) // another node watches, if one has reason to
	}
	began := time.Now()
	var err error
	if w.memory, err = w.watchOnce(ctx, w.memory); err != nil {
		return task.Rest{}, err
	}
	m := w.memory
	rest := task.Rest{Least: max(watchPause, watchShare*time.Since(began))}
	switch {
	case !w.space.Store().Exclusive():
		rest.Most = rest.Least
	case m == nil || m.more:
		rest.Most = rest.Least
	case m.news:
		rest.Most = time.Until(m.looked.Add(watchRates))
	default:
		rest.Most = w.space.IdleRest()
		if len(m.crowds) <= mostWatchCounts {
			w.memory = nil // nothing is lost by reading it from the store again
		}
	}
	return rest, nil
}

// watchOnce reads a piece of the feed and returns the memory for the next piece.
func (w *Watcher) watchOnce(ctx context.Context, m *memory) (*memory, error) {
	fence, err := w.lease.Hold(ctx)
	if errors.Is(err, lease.ErrHeld) {
		return nil, w.countWarnings(ctx) // another node watches
	}
	if err != nil {
		return nil, err
	}
	v, err := w.space.View(ctx)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	if m == nil {
		if m, err = w.recall(v); err != nil {
			return nil, err
		}
	}
	m.view = v
	if err := m.read(ctx); err != nil {
		return nil, err
	}
	if now := time.Now(); now.Sub(m.looked) >= watchRates {
		if err := m.look(ctx); err != nil {
			return nil, err
		}
		m.looked, m.news = now, false
	}
	err = m.save(ctx, fence)
	if errors.Is(err, kv.ErrConflict) || errors.Is(err, kv.ErrUnknown) {
		return nil, nil // a warning was dismissed, the lease went on: from the store again
	}
	return m, err
}

// recall reads what the watcher knew.
func (w *Watcher) recall(v *space.View) (*memory, error) {
	m := &memory{watcher: w, crowds: crowds{}, warnings: map[string]*watched{}, page: watchPageLeast}
	got, err := v.Reader().Get(v.Context(), codec.Watch.Key(v.Keys()))
	if err != nil {
		return nil, err
	}
	if m.stored = got[0]; m.stored != nil {
		var rec watchRecord
		if err := json.Unmarshal(m.stored, &rec); err != nil {
			return nil, fmt.Errorf("%w: what the watcher knew: %w", kv.ErrCorrupt, err)
		}
		m.cursor, m.hour = rec.Cursor, rec.Hour
		for k, n := range rec.Counts {
			m.crowds[k] = n
		}
	}
	return m, v.Each(codec.Warnings, warningPage, func(e kv.Entry) error {
		rec, err := decodeWarning(e.Value)
		if err == nil {
			m.warnings[hex.EncodeToString(e.Key[len(e.Key)-warningIDBytes:])] = &watched{warningRecord: *rec, stored: e.Value}
		}
		return err
	})
}

// countWarnings tells a node that does not watch how many warnings are open.
func (w *Watcher) countWarnings(ctx context.Context) error {
	v, err := w.space.View(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	n := int64(0)
	err = v.Each(codec.Warnings, warningPage, func(e kv.Entry) error {
		rec, err := decodeWarning(e.Value)
		if err == nil && rec.State == WarningOpen {
			n++
		}
		return err
	})
	if err == nil {
		w.space.NoteWarnings(n)
	}
	return err
}

// The records that are read at once: few while they are large, for a commit of
// an import is half a megabyte.
const (
	watchPageLeast = 8
	watchPageMost  = 512
)

// read goes on in the feed until its end, or until it has worked enough.
func (m *memory) read(ctx context.Context) error {
	began, changes := time.Now(), 0
	cursor, err := feed.ParseCursor(m.cursor)
	if err != nil {
		return fmt.Errorf("%w: the watcher's cursor: %w", kv.ErrCorrupt, err)
	}
	for changes < watchChanges && time.Since(began) < watchWork {
		recs, next, err := feed.ReadOf(ctx, m.view.Reader(), m.view.Keys(), cursor, m.page, signs)
		if err != nil {
			return err
		}
		n := 0
		for i := range recs {
			n += len(recs[i].Changes)
			if err := m.take(ctx, &recs[i]); err != nil {
				return err
			}
		}
		cursor, changes = next, changes+n
		m.news = m.news || len(recs) > 0
		if m.more = len(recs) == m.page; !m.more {
			break
		}
		if n < watchPageMost {
			m.page = min(m.page*2, watchPageMost)
		} else if n > 20*watchPageMost {
			m.page = watchPageLeast
		}
	}
	m.cursor = cursor.String()
	return nil
}

// mostWatchCounts bounds the counts that outlive the process.
const mostWatchCounts = 200

// save stores what is new, in one commit.
func (m *memory) save(ctx context.Context, fence lease.Fence) error {
	rec := watchRecord{Cursor: m.cursor, Hour: m.hour, Counts: m.crowds.largest(mostWatchCounts)}
	value, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	var b kv.Batch
	key := codec.Watch.Key(m.view.Keys())
	if n := len(m.warnings) - mostWarnings; n > 0 {
		for _, id := range m.leastImportant()[:n] {
			if one := m.warnings[id]; one.stored != nil {
				b.Require(warningKey(m.view.Keys(), id), one.stored)
				b.Delete(warningKey(m.view.Keys(), id))
			}
			delete(m.warnings, id)
		}
	}
	open := int64(0)
	for id, one := range m.warnings {
		if one.State == WarningOpen {
			open++
		}
		if !one.changed {
			continue
		}
		text, err := json.Marshal(&one.warningRecord)
		if err != nil {
			return err
		}
		k := warningKey(m.view.Keys(), id)
		b.Require(k, one.stored)
		b.Put(k, text)
		one.stored = text
	}
	if b.Len() == 0 && string(value) == string(m.stored) {
		m.watcher.space.NoteWarnings(open)
		return nil
	}
	fence.Require(&b)
	b.Require(key, m.stored)
	b.Put(key, value)
	if err := m.watcher.space.Store().Commit(ctx, &b); err != nil {
		return err
	}
	m.stored = value
	for _, one := range m.warnings {
		one.changed = false
	}
	m.watcher.space.NoteWarnings(open)
	return nil
}

// warn notes a warning, or that there is reason for it again. about makes it.
func (m *memory) warn(id string, at, n int64, about func() warningRecord) {
	one := m.warnings[id]
	if one == nil {
		one = &watched{warningRecord: about()}
		one.State, one.First, one.Last = WarningOpen, at, at
		m.warnings[id] = one
	} else if one.State == WarningResolved {
		one.State = WarningOpen
	}
	one.Count += n
	one.First, one.Last = min(one.First, at), max(one.Last, at)
	one.changed = true
}

// leastImportant lists warnings, those that may go first.
func (m *memory) leastImportant() []string {
	ids := make([]string, 0, len(m.warnings))
	for id := range m.warnings {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int {
		x, y := m.warnings[a], m.warnings[b]
		if (x.State == WarningOpen) != (y.State == WarningOpen) {
			if x.State == WarningOpen {
				return 1
			}
			return -1
		}
		return int(min(max(x.Last-y.Last, -1), 1))
	})
	return ids
}
