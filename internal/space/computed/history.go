package computed

import (
	"fmt"
	"slices"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// Definitions that are new, or mean something else, are computed over history by a job
// of the evaluator, a piece at a time, while events keep coming. First come the rows of
// new streams: every event that was stored before the definitions were set is in the
// snapshot of whoever sees them, and every later one has its rows already. Then every
// profile is evaluated. Nothing is told meanwhile. A crash loses a piece.

const (
	historyBlocks   = 256                  // read in one piece
	historyTogether = 32                   // of these, at the same time
	historyProfiles = mostTogether         // evaluated in one piece
	historyBytes    = kv.MaxBatchBytes / 4 // of rows in one commit
)

// historyRows are gone through in one piece for who has them. Tests lower it.
var historyRows = 4 * mostTogether

// history does a piece of the job, if there is one, and reports whether there is more.
func (w *work) history() (more bool, err error) {
	if !w.plan() {
		return false, nil
	}
	switch {
	case w.pos.Job.Values && w.pos.Job.Rows:
		return true, w.historyOwners()
	case w.pos.Job.Values:
		return true, w.historyValues()
	}
	return true, w.takeRows()
}

// plan sees to it that the position has the job that the definitions need, and reports
// whether they need one.
func (w *work) plan() bool {
	if j := w.pos.Job; j != nil && j.Revision == w.definitions.Revision {
		return true
	}
	var missing, kept []compute.StreamID
	w.letGo()
	for _, s := range w.compiled.Set.InUse() {
		if slices.Contains(w.pos.Streams, s.ID) {
			kept = append(kept, s.ID)
		} else {
			missing = append(missing, s.ID)
		}
	}
	w.pos.Streams = kept
	w.forgetCounts()
	needed := len(missing) > 0
	for number := range w.pos.Complete {
		if d := w.compiled.byNumber[number]; d == nil || d.disabled {
			needed = true // what is left of it goes
		}
	}
	for i := range w.compiled.definitions {
		d := &w.compiled.definitions[i]
		needed = needed || !d.disabled && w.pos.Complete[d.number] != d.meaning
	}
	if !needed {
		w.pos.Job = nil
		return false
	}
	w.pos.Job = &job{Revision: w.definitions.Revision, Streams: missing, Values: len(missing) == 0, Rows: w.onlyRows(missing), Since: w.now}
	return true
}

// onlyRows reports whether nobody but who has rows of new streams can get other values:
// all there is to compute are traits that never were, of these streams alone. Who has
// none has no value of them.
func (w *work) onlyRows(missing []compute.StreamID) bool {
	if w.pos.Job != nil || len(missing) == 0 { // what it did is not known any more
		return false
	}
	for number := range w.pos.Complete {
		if d := w.compiled.byNumber[number]; d == nil || d.disabled {
			return false
		}
	}
	for i := range w.compiled.definitions {
		d := &w.compiled.definitions[i]
		old, was := w.pos.Complete[d.number]
		if d.disabled || old == d.meaning {
			continue
		}
		if was || d.audience || slices.ContainsFunc(d.streams, func(s compute.StreamID) bool { return !slices.Contains(missing, s) }) {
			return false
		}
	}
	return true
}

// takeRows puts the rows that new streams take from some blocks.
func (w *work) takeRows() error {
	j := w.pos.Job
	ctx, r, keys := w.view.Context(), w.view.Reader(), w.view.Keys()
	from, end := codec.Headers.All(keys)
	if j.Total == 0 {
		counted, err := w.view.Counters()
		if err != nil {
			return err
		}
		j.Total = max(counted.Events, 1)
		if last, err := r.Scan(ctx, from, end, 1, true); err != nil {
			return err
		} else if len(last) > 0 {
			block, _ := codec.Headers.Parse(last[0].Key)
			j.End.Block = block
		}
	}
	if j.Block.Block != (event.Block{}) {
		from = kv.After(codec.Headers.Key(keys, j.Block.Block))
	}
	end = kv.After(codec.Headers.Key(keys, j.End.Block))
	page, err := r.Scan(ctx, from, end, historyBlocks, false)
	if err != nil {
		return err
	}
	var b kv.Batch
	w.fence.Require(&b)
	done := len(page) < historyBlocks
	wanted, all := w.wanted(j.Streams)
	for part := range slices.Chunk(page, historyTogether) {
		if b.Bytes() > historyBytes {
			done = false
			break
		}
		found, err := w.rowsOfBlocks(part, wanted, all)
		if err != nil {
			return err
		}
		for i := range found {
			found[i].add(&b, w.pos)
			j.Block.Block = found[i].block
			j.Done += int64(found[i].events)
		}
	}
	if done {
		w.pos.Streams = append(w.pos.Streams, j.Streams...)
		next := job{Revision: j.Revision, Values: true, Since: j.Since}
		if j.Rows {
			next.Rows, next.Streams = true, j.Streams
		}
		*j = next
	}
	position, err := w.pos.encode()
	if err != nil {
		return err
	}
	b.Put(codec.Evaluation.Key(keys), position)
	if err := w.space.Store().Commit(ctx, &b); err != nil {
		return err
	}
	w.evaluator.pos = w.pos
	return nil
}

// wanted are the hashes of the names of the events that streams take something from;
// all: names do not tell.
func (w *work) wanted(streams []compute.StreamID) (names map[uint32]bool, all bool) {
	list, all := w.compiled.Set.EventNames(streams...)
	names = make(map[uint32]bool, len(list))
	for _, name := range list {
		names[journal.NameHash(name)] = true
	}
	return names, all
}

// strandOf is where the heart puts a row of an event, see space.PlaceRows.
func strandOf(h *journal.Head, account bool) (identity.Hash, bool) {
	if account && h.HasAccount {
		return h.Account, true
	}
	return h.User, h.HasUser
}

// historyValues evaluates some profiles; after the last ones the definitions are
// complete.
func (w *work) historyValues() error {
	j := w.pos.Job
	ctx, r, keys := w.view.Context(), w.view.Reader(), w.view.Keys()
	if j.Total == 0 {
		counted, err := w.view.Counters()
		if err != nil {
			return err
		}
		j.Total = max(counted.Profiles, 1)
	}
	from, end := codec.Profiles.All(keys)
	if !j.Profile.IsZero() {
		from = kv.After(codec.Profiles.Key(keys, j.Profile))
	}
	page, err := r.Scan(ctx, from, end, historyProfiles, false)
	if err != nil {
		return err
	}
	profiles := make([]codec.ProfileID, 0, len(page))
	for _, e := range page {
		p, ok := codec.Profiles.Parse(e.Key)
		if !ok {
			return kv.ErrCorrupt
		}
		rec, err := codec.DecodeProfile(e.Value)
		if err != nil {
			return fmt.Errorf("profile %x: %w", p, err)
		}
		j.Profile = p
		if !rec.Merged {
			profiles = append(profiles, p)
			j.Done++
		}
	}
	if len(page) < historyProfiles {
		return w.complete(profiles)
	}
	return w.evaluate(profiles)
}

// historyOwners evaluates the profiles, and the accounts of these, that have rows of the
// job's streams, some strands at a time.
func (w *work) historyOwners() error {
	j := w.pos.Job
	ctx, r, keys := w.view.Context(), w.view.Reader(), w.view.Keys()
	from, end := codec.Rows.All(keys)
	if j.Row != nil {
		from = kv.After(j.Row)
	}
	page, err := r.Scan(ctx, from, end, historyRows, false)
	if err != nil {
		return err
	}
	var strands []identity.Hash
	for _, e := range page {
		strand, stream, _, ok := codec.Rows.Parse(e.Key)
		if !ok {
			return kv.ErrCorrupt
		}
		if slices.Contains(j.Streams, compute.StreamID(stream)) && (len(strands) == 0 || strands[len(strands)-1] != strand) {
			strands = append(strands, strand)
		}
		j.Row = e.Key
	}
	profiles, err := profilesOf(w.view, strands)
	if err == nil && w.compiled.accounts {
		profiles, err = w.andAccounts(profiles)
	}
	if err != nil {
		return err
	}
	if j.Done += int64(len(profiles)); j.Total == 0 {
		counted, err := w.view.Counters()
		if err != nil {
			return err
		}
		j.Total = max(counted.Profiles, 1)
	}
	if len(page) < historyRows {
		return w.complete(profiles)
	}
	return w.evaluate(profiles)
}

// complete evaluates the last profiles of the job, and says that the definitions are
// complete. What was left of deleted ones goes.
func (w *work) complete(profiles []codec.ProfileID) error {
	if err := w.evaluate(profiles); err != nil {
		return err
	}
	w.pos = w.pos.clone()
	w.pos.Job = nil
	var out staged
	keys := w.view.Keys()
	for number := range w.pos.Complete {
		if d := w.compiled.byNumber[number]; d == nil || d.disabled {
			delete(w.pos.Complete, number)
			delete(w.pos.Sizes, number)
			from, to := codec.Under(codec.Members.Of(keys, number))
			out.ops = append(out.ops, kv.Op{Kind: kv.OpDeleteRange, Key: from, Value: to})
		}
	}
	for i := range w.compiled.definitions {
		d := &w.compiled.definitions[i]
		if d.disabled || w.pos.Complete[d.number] == d.meaning {
			continue
		}
		w.pos.Complete[d.number] = d.meaning
		out.told = append(out.told, told{Change: feed.Change{Kind: feed.ComputedComplete, Trait: d.key, Time: w.now}})
	}
	return w.commit(&out)
}
