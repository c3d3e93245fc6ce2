package space

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

// watcher is the watcher's memory. After any failure it is read from the store
// again.
type watcher struct {
	s        *Space
	stored   []byte // the watchRecord as it was read or written
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

// runWatch looks once, and says when to look again: soon while there is more to read,
// else when something is committed.
func (s *Space) runWatch(ctx context.Context) (task.Rest, error) {
	if !s.store.Exclusive() && !s.inUse() {
		return task.Rest{Least: watchPause, Most: s.idleRest()}, s.countWarnings(ctx) // another node watches, if one has reason to
	}
	began := time.Now()
	var err error
	if s.watcher, err = s.watchOnce(ctx, s.watcher); err != nil {
		return task.Rest{}, err
	}
	w := s.watcher
	rest := task.Rest{Least: max(watchPause, watchShare*time.Since(began))}
	switch {
	case !s.store.Exclusive():
		rest.Most = rest.Least
	case w == nil || w.more:
		rest.Most = rest.Least
	case w.news:
		rest.Most = time.Until(w.looked.Add(watchRates))
	default:
		rest.Most = s.idleRest()
		if len(w.crowds) <= mostWatchCounts {
			s.watcher = nil // nothing is lost by reading it from the store again
		}
	}
	return rest, nil
}

// watchOnce reads a piece of the feed and returns the memory for the next piece.
func (s *Space) watchOnce(ctx context.Context, w *watcher) (*watcher, error) {
	fence, err := s.leases.watch.Hold(ctx)
	if errors.Is(err, lease.ErrHeld) {
		return nil, s.countWarnings(ctx) // another node watches
	}
	if err != nil {
		return nil, err
	}
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if w == nil {
		if w, err = s.recallWatcher(ctx, r); err != nil {
			return nil, err
		}
	}
	if err := w.read(ctx, r); err != nil {
		return nil, err
	}
	if now := time.Now(); now.Sub(w.looked) >= watchRates {
		if err := w.look(ctx, r); err != nil {
			return nil, err
		}
		w.looked, w.news = now, false
	}
	err = w.save(ctx, fence)
	if errors.Is(err, kv.ErrConflict) || errors.Is(err, kv.ErrUnknown) {
		return nil, nil // a warning was dismissed, the lease went on: from the store again
	}
	return w, err
}

// recallWatcher reads what the watcher knew.
func (s *Space) recallWatcher(ctx context.Context, r kv.Reader) (*watcher, error) {
	w := &watcher{s: s, crowds: crowds{}, warnings: map[string]*watched{}, page: watchPageLeast}
	got, err := r.Get(ctx, codec.Watch.Key(s.keys))
	if err != nil {
		return nil, err
	}
	if w.stored = got[0]; w.stored != nil {
		var rec watchRecord
		if err := json.Unmarshal(w.stored, &rec); err != nil {
			return nil, fmt.Errorf("%w: what the watcher knew: %w", kv.ErrCorrupt, err)
		}
		w.cursor, w.hour = rec.Cursor, rec.Hour
		for k, n := range rec.Counts {
			w.crowds[k] = n
		}
	}
	return w, each(ctx, r, s.keys, codec.Warnings, scanPage, func(e kv.Entry) error {
		rec, err := decodeWarning(e.Value)
		if err == nil {
			w.warnings[hex.EncodeToString(e.Key[len(e.Key)-warningIDBytes:])] = &watched{warningRecord: *rec, stored: e.Value}
		}
		return err
	})
}

// countWarnings tells a node that does not watch how many warnings are open.
func (s *Space) countWarnings(ctx context.Context) error {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	n := int64(0)
	err = each(ctx, r, s.keys, codec.Warnings, scanPage, func(e kv.Entry) error {
		rec, err := decodeWarning(e.Value)
		if err == nil && rec.State == WarningOpen {
			n++
		}
		return err
	})
	if err == nil {
		s.warnings.Store(n)
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
func (w *watcher) read(ctx context.Context, r kv.Reader) error {
	began, changes := time.Now(), 0
	cursor, err := feed.ParseCursor(w.cursor)
	if err != nil {
		return fmt.Errorf("%w: the watcher's cursor: %w", kv.ErrCorrupt, err)
	}
	for changes < watchChanges && time.Since(began) < watchWork {
		recs, next, err := feed.Read(ctx, r, codec.FeedRecords.Prefix(w.s.keys), cursor, w.page)
		if err != nil {
			return err
		}
		n := 0
		for i := range recs {
			n += len(recs[i].Changes)
			if err := w.take(ctx, r, &recs[i]); err != nil {
				return err
			}
		}
		cursor, changes = next, changes+n
		w.news = w.news || len(recs) > 0
		if w.more = len(recs) == w.page; !w.more {
			break
		}
		if n < watchPageMost {
			w.page = min(w.page*2, watchPageMost)
		} else if n > 20*watchPageMost {
			w.page = watchPageLeast
		}
	}
	w.cursor = cursor.String()
	return nil
}

// mostWatchCounts bounds the counts that outlive the process.
const mostWatchCounts = 200

// save stores what is new, in one commit.
func (w *watcher) save(ctx context.Context, fence lease.Fence) error {
	rec := watchRecord{Cursor: w.cursor, Hour: w.hour, Counts: w.crowds.largest(mostWatchCounts)}
	value, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	var b kv.Batch
	key := codec.Watch.Key(w.s.keys)
	if n := len(w.warnings) - mostWarnings; n > 0 {
		for _, id := range w.leastImportant()[:n] {
			if one := w.warnings[id]; one.stored != nil {
				b.Require(warningKey(w.s.keys, id), one.stored)
				b.Delete(warningKey(w.s.keys, id))
			}
			delete(w.warnings, id)
		}
	}
	open := int64(0)
	for id, one := range w.warnings {
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
		k := warningKey(w.s.keys, id)
		b.Require(k, one.stored)
		b.Put(k, text)
		one.stored = text
	}
	if b.Len() == 0 && string(value) == string(w.stored) {
		w.s.warnings.Store(open)
		return nil
	}
	fence.Require(&b)
	b.Require(key, w.stored)
	b.Put(key, value)
	if err := w.s.store.Commit(ctx, &b); err != nil {
		return err
	}
	w.stored = value
	for _, one := range w.warnings {
		one.changed = false
	}
	w.s.warnings.Store(open)
	return nil
}

// warn notes a warning, or that there is reason for it again. about makes it.
func (w *watcher) warn(id string, at, n int64, about func() warningRecord) {
	one := w.warnings[id]
	if one == nil {
		one = &watched{warningRecord: about()}
		one.State, one.First, one.Last = WarningOpen, at, at
		w.warnings[id] = one
	} else if one.State == WarningResolved {
		one.State = WarningOpen
	}
	one.Count += n
	one.First, one.Last = min(one.First, at), max(one.Last, at)
	one.changed = true
}

// leastImportant lists warnings, those that may go first.
func (w *watcher) leastImportant() []string {
	ids := make([]string, 0, len(w.warnings))
	for id := range w.warnings {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int {
		x, y := w.warnings[a], w.warnings[b]
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
