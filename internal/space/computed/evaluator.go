package computed

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/task"
)

const (
	// evaluatePause is how long the evaluator rests at least: what comes meanwhile is
	// evaluated together.
	evaluatePause = 10 * time.Millisecond
	// pollPause is how often it looks what other nodes have committed.
	pollPause = 200 * time.Millisecond
	// idle: a space that was not used for so long is looked at less often.
	idle = time.Minute
	// evaluateWork is how long it works until others get their turn.
	evaluateWork = 20 * time.Millisecond
	// evaluateShare is how many times as long it rests while events wait for a commit, but
	// what is evaluated shall be seen soon: it rests no longer than it worked, if that is
	// more than evaluateRest.
	evaluateShare = 2
	evaluateRest  = 50 * time.Millisecond
	// overloadShare is the share while more than overload bytes wait, which is more than comes
	// below the most that the space can take: values come later, and events do not.
	overloadShare = 12
	overload      = 512 << 10

	mostTogether = 256  // profiles that are evaluated and committed together
	mostTimers   = 1024 // that run out in one round
	mostNews     = 5000 // rows and changes of a page of the feed, about
	mostSkipped  = 5000 // records that concerned nobody, until the position is stored
)

// evaluator follows the feed of a space. It belongs to one task.
type evaluator struct {
	space *space.Space

	pos     *position   // nil: it is to be read
	fence   lease.Fence // under which all of this was learnt
	page    int         // records read at once
	skipped int         // records that were read since the position was stored
	memos   memos
	crowded float64 // how often events waited for a commit lately: 0 to 1
	slow    map[codec.ProfileID]*slow
	// wasWhole: the last round read the feed to the end of its snapshot.
	wasWhole bool
	counted  *Compiled // the one whose tally was stored last
	stored   time.Time // when the position was

	seen atomic.Pointer[feed.Cursor] // how far the feed was read and evaluated
}

// run evaluates what there is to evaluate, and says when to look again.
func (e *evaluator) run(ctx context.Context, l *lease.Lease) (task.Rest, error) {
	began := time.Now()
	if e.space.Definitions().Revision == 0 {
		return task.Rest{Least: evaluatePause, Most: e.space.IdleRest()}, nil
	}
	rest := task.Rest{Least: evaluatePause}
	switch {
	case e.space.Store().Exclusive():
	case e.space.Idle() > idle:
		rest.Most = e.space.IdleRest()
	default:
		rest.Most = pollPause
	}
	fence, err := l.Hold(ctx)
	if err != nil {
		e.forget() // another node goes on
		return rest, err
	}
	for {
		more, next, err := e.round(ctx, fence)
		if err == nil && e.pos != nil {
			e.seen.Store(&e.pos.cursor)
		}
		if errors.Is(err, kv.ErrConflict) || errors.Is(err, kv.ErrUnknown) || errors.Is(err, space.ErrDefinitionsMoved) || errors.Is(err, space.ErrBusy) {
			e.forget() // from the store again
			rest.Most = pollPause
			return rest, nil
		}
		if err != nil {
			e.forget()
			return rest, err
		}
		if next > 0 && (rest.Most == 0 || next < rest.Most) {
			rest.Most = max(next, rest.Least)
		}
		if !more {
			return rest, nil
		}
		if took := time.Since(began); took > evaluateWork {
			rest.Least = max(rest.Least, e.rest(took))
			rest.Most = rest.Least
			return rest, nil
		}
	}
}

// rest is how long the evaluator rests when it has worked for so long and is not done.
func (e *evaluator) rest(took time.Duration) time.Duration {
	now := 0.0
	if e.space.Crowded() {
		now = 1
	}
	e.crowded += (now - e.crowded) / 4
	if e.space.Waiting() > overload {
		return overloadShare * took
	}
	least := took / 4
	return least + min(time.Duration(e.crowded*evaluateShare*float64(took)), max(took, evaluateRest))
}

// forget forgets all that is not in the store.
func (e *evaluator) forget() { e.pos, e.memos, e.slow, e.wasWhole = nil, memos{}, nil, false }

// round evaluates a piece of the feed and timers that have run out, and, when there is
// nothing of these, a piece of history. It says whether there is more to do now, and
// else in how long; 0: when something comes.
func (e *evaluator) round(ctx context.Context, fence lease.Fence) (more bool, next time.Duration, err error) {
	if !fence.Is(e.fence) { // another node went on meanwhile
		e.forget()
		e.fence = fence
	}
	v, err := e.view(ctx)
	if err != nil {
		return false, 0, err
	}
	defer v.Close()
	defs, err := e.space.DefinitionsAt(ctx, v.Reader())
	if err != nil || defs.Revision == 0 {
		return false, 0, err
	}
	if e.pos == nil {
		if e.pos, err = e.recall(ctx, v); err != nil {
			return false, 0, err
		}
	}
	w := &work{
		evaluator: e, view: v, definitions: defs, compiled: compiledOf(defs), fence: fence, now: v.Now().UnixNano(), pos: e.pos.clone(),
		dirty: map[codec.ProfileID]reason{}, due: map[codec.ProfileID]int64{},
		news: map[codec.ProfileID][]isNew{}, stale: map[codec.ProfileID]bool{}, regrouped: map[codec.ProfileID]bool{},
		heads: map[codec.ProfileID][]byte{}, last: true,
	}
	defer func() { e.wasWhole = err == nil && w.whole }()
	if w.pos.Folds != foldsVersion {
		return true, 0, w.dropFolds() // and goes on in a snapshot without them
	}
	e.memos.by(w.compiled.Set)
	n, err := w.readFeed()
	if err != nil {
		return false, 0, err
	}
	wait, err := w.readTimers()
	if err != nil {
		return false, 0, err
	}
	switch {
	case len(w.dirty) > 0:
		return true, wait, w.evaluateAll()
	case n > 0:
		return true, wait, w.skip(n)
	}
	if more, err = w.history(); err != nil || more {
		return more, wait, err
	}
	if more, err = w.takeOut(); err != nil || more {
		return more, wait, err
	}
	if w.pos.Unused != nil && (wait == 0 || wait > pollPause) {
		wait = pollPause // events come first
	}
	return false, wait, w.storeCounts()
}

// view opens a view by the rules and definitions in force in it.
func (e *evaluator) view(ctx context.Context) (*space.View, error) {
	if e.space.Store().Exclusive() {
		return e.space.View(ctx)
	}
	return e.space.ViewInForce(ctx)
}

// recall reads where the evaluator is. It begins at the end of the feed: what is
// there already is history.
func (e *evaluator) recall(ctx context.Context, v *space.View) (*position, error) {
	got, err := v.Reader().Get(ctx, codec.Evaluation.Key(v.Keys()))
	if err != nil {
		return nil, err
	}
	p, err := decodePosition(got[0])
	if err != nil || got[0] != nil {
		return p, err
	}
	p.Time, p.Folds = v.Now().UnixNano(), foldsVersion
	p.cursor, err = feed.End(ctx, v.Reader(), v.Keys())
	return p, err
}

// work is one round of the evaluator, on one snapshot.
type work struct {
	*evaluator
	view        *space.View
	definitions *space.Definitions
	compiled    *Compiled
	fence       lease.Fence
	now         int64
	pos         *position // as it becomes

	dirty map[codec.ProfileID]reason // the profiles to be evaluated, and why
	due   map[codec.ProfileID]int64  // timers that have run out

	// What the feed says of the rows of profiles: new ones, that they are not what they
	// were, that strands came or went. It is whole if the feed was read to the end of the
	// snapshot.
	news      map[codec.ProfileID][]isNew
	stale     map[codec.ProfileID]bool
	regrouped map[codec.ProfileID]bool
	whole     bool

	heads map[codec.ProfileID][]byte // of profiles with a memo in the store; nil: it has none
	last  bool                       // this commit moves the position to where memos are
}

// reason is why a profile is to be evaluated.
type reason struct {
	at   int64 // the latest event time that is a reason
	once bool  // there is only this one, and it is that of rows
}

// soil notes that a profile is to be evaluated, because of something at a time.
func (w *work) soil(p codec.ProfileID, at int64, rows bool) {
	if old, ok := w.dirty[p]; ok {
		w.dirty[p] = reason{max(old.at, at), old.once && rows && old.at == at}
	} else {
		w.dirty[p] = reason{at, rows}
	}
}

// because is when the latest of the reasons to evaluate a profile was; now if there is
// none.
func (w *work) because(p codec.ProfileID) int64 {
	if why, ok := w.dirty[p]; ok {
		return why.at
	}
	return w.now
}

// readFeed reads a page of the feed and finds the profiles that it concerns. It
// returns how many records it read.
func (w *work) readFeed() (n int, err error) {
	w.page = min(max(w.page, 8), 1024)
	recs, after, err := feed.Read(w.view.Context(), w.view.Reader(), w.view.Keys(), w.pos.cursor, w.page)
	if err != nil {
		return 0, err
	}
	news := 0
	type touch struct {
		strand identity.Hash
		at     int64
		row    *feed.Row // nil: the strand's rows are not what they were
	}
	var touched []touch
	for i := range recs {
		rec := &recs[i]
		for k := range rec.Rows {
			touched = append(touched, touch{rec.Rows[k].Strand, rec.Rows[k].At.Time, &rec.Rows[k]})
		}
		for _, h := range rec.Rewritten {
			touched = append(touched, touch{h, rec.Time, nil})
		}
		for k := range rec.Changes {
			w.readChange(&rec.Changes[k])
		}
		news += len(rec.Rows) + len(rec.Changes)
		w.pos.Time = rec.Time
	}
	w.pos.cursor = after
	switch {
	case news > mostNews:
		w.page /= 2
	case news < mostNews/4 && len(recs) == w.page:
		w.page *= 2
	}
	strands := make([]identity.Hash, len(touched))
	for i := range touched {
		strands[i] = touched[i].strand
	}
	owners, err := ownersOf(w.view, strands)
	if err != nil {
		return 0, err
	}
	for _, r := range touched {
		if p, ok := owners[r.strand]; ok {
			w.soil(p, r.at, r.row != nil)
			switch {
			case r.row == nil:
				w.stale[p] = true
			default:
				w.news[p] = append(w.news[p], isNew{r.strand, compute.Row{Stream: compute.StreamID(r.row.Stream), At: r.row.At, Value: r.row.Value}})
			}
		}
	}
	end, err := feed.End(w.view.Context(), w.view.Reader(), w.view.Keys())
	if err != nil {
		return 0, err
	}
	w.whole = maps.Equal(end, after)
	return len(recs), nil
}

// skip goes on behind records that concerned nobody. That is stored now and then: to
// read them again costs little, and a commit for each would be more than what they are.
func (w *work) skip(n int) error {
	if w.skipped += n; w.skipped < mostSkipped {
		w.evaluator.pos = w.pos
		return nil
	}
	return w.evaluate(nil)
}

// regroups reports whether a change may give its profiles other strands.
func regroups(c *feed.Change) bool {
	return c.Kind == feed.Merged || c.Kind == feed.Unmerged || c.Kind == feed.IDRemoved || c.Kind == feed.Regrouped || c.From != ""
}

// readChange notes whom a change concerns.
func (w *work) readChange(c *feed.Change) {
	switch c.Kind {
	case feed.ComputedSet, feed.ComputedRemoved, feed.AudienceEntered, feed.AudienceExited, feed.ComputedComplete, // its own
		feed.Demoted, feed.Unresolved:
		return
	}
	others := regroups(c)
	for _, text := range [...]string{c.Profile, c.From} {
		if p, _, ok := codec.ParseProfileID(text); ok {
			if others { // strands came or went
				w.regrouped[p] = true
			}
			w.soil(p, c.Time, false)
		}
	}
}

// readTimers finds the profiles whose timers have run out. It returns how long it is
// until the next one does; 0: there is none.
func (w *work) readTimers() (next time.Duration, err error) {
	from, end := codec.Timers.All(w.view.Keys())
	page, err := w.view.Reader().Scan(w.view.Context(), from, end, mostTimers, false)
	if err != nil {
		return 0, err
	}
	for _, e := range page {
		at, p, ok := codec.Timers.Parse(e.Key)
		if !ok {
			return 0, kv.ErrCorrupt
		}
		if at > w.now {
			return time.Duration(at - w.now), nil
		}
		w.soil(p, at, false)
		w.due[p] = at
	}
	return 0, nil
}

// evaluateAll evaluates the profiles of the round and commits what is new, in portions;
// the last one says how far the feed was read.
func (w *work) evaluateAll() error {
	profiles := make([]codec.ProfileID, 0, len(w.dirty))
	for p := range w.dirty {
		profiles = append(profiles, p)
	}
	slices.SortFunc(profiles, byProfile)
	after := w.pos
	w.pos = w.evaluator.pos.clone()
	if w.compiled.accounts {
		var err error
		if profiles, err = w.andAccounts(profiles); err != nil {
			return err
		}
	}
	profiles = slices.DeleteFunc(profiles, w.postponed)
	// Memos are as of the position, so that those with one come last.
	var large []codec.ProfileID
	for part := range slices.Chunk(profiles, mostTogether) {
		if err := w.loadHeads(part); err != nil {
			return err
		}
	}
	profiles = slices.DeleteFunc(profiles, func(p codec.ProfileID) bool {
		is := w.heads[p] != nil || w.memos.of[p] != nil
		if is {
			large = append(large, p)
		}
		return is
	})
	w.last = false
	for len(profiles) > mostTogether {
		if err := w.evaluate(profiles[:mostTogether]); err != nil {
			return err
		}
		profiles = profiles[mostTogether:]
	}
	w.pos.cursor, w.pos.Time, w.last = after.cursor, after.Time, true
	return w.evaluate(append(profiles, large...))
}

// andAccounts adds the accounts of users who are to be evaluated.
func (w *work) andAccounts(profiles []codec.ProfileID) ([]codec.ProfileID, error) {
	for part := range slices.Chunk(profiles, mostTogether) {
		found, err := gather(w.view, part, false)
		if err != nil {
			return nil, err
		}
		for i := range found {
			accounts, err := accountsOf(w.view, found[i:i+1])
			if err != nil {
				return nil, err
			}
			for _, p := range accounts {
				if _, known := w.dirty[p]; !known {
					profiles = append(profiles, p)
				}
				w.soil(p, w.because(found[i].id), false)
			}
		}
	}
	slices.SortFunc(profiles, byProfile)
	return slices.Compact(profiles), nil
}
