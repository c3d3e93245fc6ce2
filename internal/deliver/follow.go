package deliver

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/lease"
)

// Bounds of what one commit of a follower takes.
const (
	followRecords  = 256
	followProfiles = 500
	followEvents   = 2_000
	followBytes    = 8 << 20
)

// follow takes the next step: what is subscribed no more leaves the ledger, a
// baseline is taken, or records of the feed are read. It reports whether there is more
// to do.
func (d *destination) follow(ctx context.Context) (more bool, err error) {
	if d.def.Disabled {
		return false, nil
	}
	keys, err := d.on.source.Keys(ctx)
	if err != nil {
		return false, err
	}
	about := d.def.subscriptions(keys)
	if done, err := d.prepare(ctx, about); err != nil || !done {
		return true, err
	}
	more, err = d.followFeed(ctx, complete(about))
	if errors.Is(err, errStale) {
		return true, nil
	}
	return more, err
}

// prepare takes a step towards a ledger that has what is subscribed and nothing else.
func (d *destination) prepare(ctx context.Context, about map[string]subscribed) (done bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.load(ctx); err != nil {
		return false, err
	}
	if done, err := d.leave(ctx, about); err != nil || !done {
		return false, err
	}
	return d.takeBaseline(ctx, about)
}

// place is how far a destination is in the feed. Only its task moves it, in this process.
type place struct {
	cursor string
	events string // see state.Events
	done   int
}

// errMoved: another process followed the feed meanwhile.
var errMoved = fmt.Errorf("%w: it followed the feed", lease.ErrHeld)

// updateAt is update for the task, which does not hold mu while it reads what to change: tries
// go on meanwhile. What is new in the queue is sent at once.
func (d *destination) updateAt(ctx context.Context, at place, change func(*work) error) error {
	d.mu.Lock()
	err := d.load(ctx)
	switch {
	case err != nil:
	case d.st.Cursor != at.cursor:
		err = errMoved
	default:
		err = d.update(ctx, change)
	}
	d.mu.Unlock()
	if err == nil {
		d.startSending()
	}
	return err
}

// keysOf says of which keys it is told since when they are so.
func keysOf(about map[string]subscribed) func(key string) bool {
	keys := make(map[string]bool, len(about))
	for _, s := range about {
		keys[s.Key.Name] = true
	}
	return func(key string) bool { return keys[key] }
}

// errStale: definitions changed while profiles were read.
var errStale = errors.New("definitions changed meanwhile")

// stillComplete reports, with errStale, whether something that was complete is not any
// more: what profiles that were read since then do not have says nothing of it.
func (d *destination) stillComplete(ctx context.Context, about map[string]subscribed) error {
	keys, err := d.on.source.Keys(ctx)
	if err != nil {
		return err
	}
	now := complete(d.def.subscriptions(keys))
	for name := range about {
		if _, still := now[name]; !still {
			return errStale
		}
	}
	return nil
}

// followFeed reads records of the feed and queues what follows from them.
func (d *destination) followFeed(ctx context.Context, about map[string]subscribed) (more bool, err error) {
	d.mu.Lock()
	at := place{d.st.Cursor, d.st.Events, d.st.EventsDone}
	d.mu.Unlock()
	records, next, err := d.on.source.Feed(ctx, at.cursor, followRecords)
	if err != nil || len(records) == 0 {
		return false, err
	}
	resumed := at.events != ""
	if resumed {
		// Events up to a certain cursor were begun with: it has to be the same records.
		next = at.events
		if records, err = upTo(records, next); err != nil {
			return false, err
		}
	}
	n, t := d.gather(records, resumed)
	if n < len(records) && !resumed {
		if next, err = cursorAfter(at.cursor, records[:n]); err != nil {
			return false, err
		}
	}
	// Profiles beyond what one commit takes go ahead, in commits that do not move the
	// cursor: should the process end, they are compared again, and nothing differs.
	for len(t.profiles) > followProfiles {
		first := t.profiles[:followProfiles]
		t.profiles = t.profiles[followProfiles:]
		if err := d.compare(ctx, at, about, &touched{profiles: first, since: t.since}, ""); err != nil {
			return false, err
		}
	}
	return true, d.compare(ctx, at, about, t, next)
}

// touched is what records of the feed name.
type touched struct {
	profiles []string
	// since is when what is so no more became so, by profile and key.
	since map[[2]string]int64
	// lost are identifiers that were taken out of a profile.
	lost   []lostIdentifier
	merges []feed.Change
	blocks []event.Block
}

type lostIdentifier struct {
	Identifier
	profile string
	time    int64
}

// gather takes as many records as one commit can, at least one; or all of them.
func (d *destination) gather(records []feed.Record, all bool) (n int, t *touched) {
	t = &touched{since: map[[2]string]int64{}}
	known := map[string]bool{}
	events := 0
	for _, r := range records {
		if n > 0 && !all && (len(t.profiles)+len(r.Changes) > followProfiles || events+r.Events > followEvents) {
			break
		}
		n++
		events += r.Events
		if d.def.Send.Events != nil {
			t.blocks = append(t.blocks, r.Blocks...)
		}
		fresh := map[string]bool{}
		for _, c := range r.Changes {
			switch c.Kind {
			case feed.TraitSet, feed.TraitRemoved, feed.Demoted, feed.Unresolved:
				continue
			case feed.ProfileCreated:
				fresh[c.Profile] = true // nothing is true of it yet
				continue
			case feed.IDAdded:
				if fresh[c.Profile] {
					continue
				}
			case feed.AudienceExited, feed.ComputedRemoved:
				t.since[[2]string{c.Profile, c.Trait}] = c.Time
			case feed.IDRemoved:
				t.lost = append(t.lost, lostIdentifier{Identifier{c.IDType, c.IDValue}, c.Profile, c.Time})
			case feed.Merged, feed.Unmerged:
				t.merges = append(t.merges, c)
				if c.Kind == feed.Unmerged && !known[c.From] {
					known[c.From] = true
					t.profiles = append(t.profiles, c.From)
				}
			}
			if c.Profile != "" && !known[c.Profile] {
				known[c.Profile] = true
				t.profiles = append(t.profiles, c.Profile)
			}
		}
	}
	return n, t
}

// upTo keeps the records that lie before the end of a cursor.
func upTo(records []feed.Record, cursor string) ([]feed.Record, error) {
	c, err := feed.ParseCursor(cursor)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(records, func(r feed.Record) bool { return r.Seq > c[r.Lane] }), nil
}

// cursorAfter is the cursor after records that follow one.
func cursorAfter(cursor string, records []feed.Record) (string, error) {
	c, err := feed.ParseCursor(cursor)
	if err != nil {
		return "", err
	}
	if c == nil {
		c = feed.Cursor{}
	}
	for _, r := range records {
		c[r.Lane] = r.Seq
	}
	return c.String(), nil
}

// compare queues what a part of the feed at a place leads to, and moves the cursor to
// next; "": not yet.
func (d *destination) compare(ctx context.Context, at place, about map[string]subscribed, t *touched, next string) error {
	var profiles []*Profile
	var err error
	if len(about) > 0 {
		if profiles, err = d.on.source.Profiles(ctx, t.profiles, keysOf(about)); err != nil {
			return fmt.Errorf("profiles for the destination %s: %w", d.def.Key, err)
		}
		if err := d.stillComplete(ctx, about); err != nil {
			return err
		}
	}
	orphans, owners, err := d.orphans(ctx, about, t.lost)
	if err != nil {
		return err
	}
	profiles = append(profiles, owners...)
	events, err := d.queueEvents(ctx, at, t.blocks, next)
	if err != nil {
		return err
	}
	return d.updateAt(ctx, at, func(w *work) error {
		for _, m := range events {
			if _, err := w.append(m, ""); err != nil {
				return err
			}
		}
		for _, c := range t.merges {
			if err := w.merge(c); err != nil {
				return err
			}
		}
		for _, p := range profiles {
			if err := w.compare(p, about, t.since, 0); err != nil {
				return err
			}
		}
		for _, o := range orphans {
			if err := w.forget(o, about); err != nil {
				return err
			}
		}
		if next != "" {
			w.st.Cursor, w.st.Events, w.st.EventsDone = next, "", 0
		}
		return nil
	})
}

// orphans are those identifiers that no profile has any more, and owners the profiles
// that have the others: one may have been created since, of which nothing was told yet.
func (d *destination) orphans(ctx context.Context, about map[string]subscribed, lost []lostIdentifier) (out []lostIdentifier, owners []*Profile, err error) {
	if len(about) == 0 {
		return nil, nil, nil
	}
	for _, l := range lost {
		p, err := d.on.source.Owner(ctx, collectionOf(l.profile), l.Identifier)
		switch {
		case errors.Is(err, ErrNotFound):
			out = append(out, l)
		case err != nil:
			return nil, nil, err
		case !slices.ContainsFunc(owners, func(o *Profile) bool { return o.ID == p.ID }):
			owners = append(owners, p)
		}
	}
	return out, owners, nil
}

// compare queues the differences between a profile and what its identifiers were told.
// since is when what is so no more became so, by profile and key, where that is known. silent
// is the time of a baseline, of which only what became so later is said; 0: all is.
func (w *work) compare(p *Profile, about map[string]subscribed, since map[[2]string]int64, silent int64) error {
	collection := collectionOf(p.ID)
	told, err := w.told(collection, p.Identifiers...)
	if err != nil {
		return err
	}
	for _, s := range differences(p, about, w.d.hearing(), told) {
		s.Silent = s.Silent || silent != 0 && (s.Since <= silent || s.Since > w.now)
		if s.Since == 0 {
			if s.Since = since[[2]string{p.ID, s.About.Key.Name}]; s.Since == 0 {
				s.Since = w.now
			}
		}
		if err := w.say(&s, p, collection, p.ID); err != nil {
			return err
		}
	}
	return nil
}

// forget queues what follows for an identifier that no profile has any more.
func (w *work) forget(l lostIdentifier, about map[string]subscribed) error {
	collection := collectionOf(l.profile)
	told, err := w.told(collection, l.Identifier)
	if err != nil {
		return err
	}
	for _, s := range forgotten(l.Identifier, about, w.d.hearing(), told[l.Identifier], l.time) {
		if err := w.say(&s, nil, collection, l.profile); err != nil {
			return err
		}
	}
	return nil
}

// merge keeps the order of what was said of two profiles that are one now, and tells of
// it if that is wanted.
func (w *work) merge(c feed.Change) error {
	from := w.d.laneOf(c.From, "")
	if err := w.loadLanes(from); err != nil {
		return err
	}
	if last := w.last[from]; last != 0 {
		w.follows[w.d.laneOf(c.Profile, "")] = last
	}
	if !w.d.def.Send.Merges {
		return nil
	}
	m := Message{What: Merged, Profile: c.Profile, From: c.From, At: c.Time}
	if c.Kind == feed.Unmerged {
		m.What = Unmerged
	}
	if m.At == 0 {
		m.At = w.now
	}
	if f := w.d.def.Send.Filter; f != nil && !f.takesMessage(&m, nil) {
		return nil
	}
	_, err := w.append(m, "")
	return err
}

// queueEvents queues the events of blocks that are selected, and returns the last of
// them, which the commit that moves the cursor queues. Before that it takes commits of
// its own where they are many, and the state remembers how far they are.
func (d *destination) queueEvents(ctx context.Context, at place, blocks []event.Block, next string) (page []Message, err error) {
	if len(blocks) == 0 {
		return nil, nil
	}
	done := 0
	if at.events == next {
		done = at.done
	}
	size, seen := 0, 0
	err = d.on.source.Events(ctx, blocks, func(e *StoredEvent) error {
		if seen++; seen <= done || !d.def.Send.Events.takesEvent(e) {
			return nil
		}
		page = append(page, Message{What: Event, Profile: e.Profile, Event: slices.Clone(e.Body), At: e.Time})
		if size += len(e.Body); len(page) < followEvents && size < followBytes {
			return nil
		}
		err := d.updateAt(ctx, at, func(w *work) error {
			for _, m := range page {
				if _, err := w.append(m, ""); err != nil {
					return err
				}
			}
			w.st.Events, w.st.EventsDone = next, seen
			return nil
		})
		page, size = nil, 0
		return err
	})
	return page, err
}
