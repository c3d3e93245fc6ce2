package computed

import (
	"bytes"
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
	historyProfiles = mostTogether         // evaluated in one piece
	historyBytes    = kv.MaxBatchBytes / 4 // of rows in one commit
)

// history does a piece of the job, if there is one, and reports whether there is more.
func (w *work) history() (more bool, err error) {
	if !w.plan() {
		return false, nil
	}
	if w.pos.Job.Values {
		return true, w.historyValues()
	}
	return true, w.historyRows()
}

// plan sees to it that the position has the job that the definitions need, and reports
// whether they need one.
func (w *work) plan() bool {
	if j := w.pos.Job; j != nil && j.Revision == w.definitions.Revision {
		return true
	}
	var missing, kept []compute.StreamID
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
	w.pos.Job = &job{Revision: w.definitions.Revision, Streams: missing, Values: len(missing) == 0, Since: w.now}
	return true
}

// historyRows puts the rows that new streams take from some blocks.
func (w *work) historyRows() error {
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
	for _, e := range page {
		block, ok := codec.Headers.Parse(e.Key)
		if !ok {
			return kv.ErrCorrupt
		}
		if b.Bytes() > historyBytes {
			done = false
			break
		}
		if heads, err := journal.DecodeHeader(e.Value); err == nil && !all && !slices.ContainsFunc(heads, func(h journal.Head) bool { return wanted[h.Name] }) {
			j.Done += int64(len(heads)) // its bodies need not be unpacked
		} else if err := w.rowsOfBlock(&b, block, j); err != nil {
			return err
		}
		j.Block.Block = block
	}
	if done {
		w.pos.Streams = append(w.pos.Streams, j.Streams...)
		*j = job{Revision: j.Revision, Values: true, Since: j.Since}
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

// rowsOfBlock adds the rows of a block's events to a batch, which holds only if no
// event of it has moved to another strand or was erased meanwhile.
func (w *work) rowsOfBlock(b *kv.Batch, id event.Block, j *job) error {
	keys := w.view.Keys()
	block, err := journal.Read(w.view.Context(), w.view.Reader(), keys, id)
	if err != nil {
		return err
	}
	j.Done += int64(len(block.Heads))
	var taken compute.Taken
	any := false
	for o := range block.Heads {
		e, m, state := block.Event(o)
		if state != journal.Whole {
			continue
		}
		taken.Reset()
		w.compiled.Set.Extract(&m, e.Source, &taken)
		for _, s := range taken.Skipped {
			if slices.Contains(j.Streams, s.Stream) {
				addTo(w.pos.Skipped, s.Stream, s.Problem, 1)
			}
		}
		h := &block.Heads[o]
		at := h.Moment(id, o)
		for i := range taken.Rows {
			row := &taken.Rows[i]
			if !slices.Contains(j.Streams, row.Stream) {
				continue
			}
			strand, ok := strandOf(h, row.Account)
			if !ok {
				continue
			}
			any = true
			b.Put(codec.Rows.Key(keys, strand, uint32(row.Stream), at), bytes.Clone(row.Value))
		}
	}
	if !any {
		return nil
	}
	guard := []([]byte){codec.Headers.Key(keys, id), codec.Erased.Key(keys, id)}
	values, err := w.view.Reader().Get(w.view.Context(), guard...)
	if err != nil {
		return err
	}
	for i := range guard {
		b.Require(guard[i], values[i])
	}
	return nil
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
