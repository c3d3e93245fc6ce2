package computed

import (
	"bytes"
	"fmt"
	"time"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// told is a change that the feed is told of.
type told struct {
	profile    codec.ProfileID
	collection identity.Collection
	feed.Change
}

// staged is what a commit of the evaluator consists of.
type staged struct {
	ops  []kv.Op // puts and deletes
	told []told
}

func (s *staged) put(key, value []byte) {
	s.ops = append(s.ops, kv.Op{Kind: kv.OpPut, Key: key, Value: value})
}

func (s *staged) delete(key []byte) { s.ops = append(s.ops, kv.Op{Kind: kv.OpDelete, Key: key}) }

// evaluate evaluates profiles and commits what is new of them, together with the
// position.
func (w *work) evaluate(profiles []codec.ProfileID) error {
	var out staged
	found, err := gather(w.view, profiles, true)
	if err != nil {
		return err
	}
	keys := make([][]byte, len(profiles))
	for i, p := range profiles {
		keys[i] = codec.States.Key(w.view.Keys(), p)
	}
	stored := make([][]byte, len(keys))
	if len(keys) > 0 {
		if stored, err = w.view.Reader().Get(w.view.Context(), keys...); err != nil {
			return err
		}
	}
	if err := w.loadHeads(profiles); err != nil {
		return err
	}
	outcomes, err := w.outcomes(&out, found)
	if err != nil {
		return err
	}
	for i := range outcomes {
		for _, p := range outcomes[i].problems {
			if d := w.compiled.byKey[p.Key]; d != nil {
				addTo(w.pos.Problems, d.number, p.Problem, 1)
			}
		}
	}
	for i := range found {
		before, err := DecodeState(stored[i])
		if err != nil {
			return fmt.Errorf("the state of profile %x: %w", profiles[i], err)
		}
		if err := w.renew(&out, &found[i], before, &outcomes[i]); err != nil {
			return err
		}
	}
	return w.commit(&out)
}

// outcomes evaluates profiles, those with memos by them.
func (w *work) outcomes(out *staged, found []gathered) ([]outcome, error) {
	all := make([]outcome, len(found))
	var rest []gathered
	var at []int
	for i := range found {
		g := &found[i]
		k, err := w.remembered(out, g)
		if err != nil {
			return nil, err
		}
		if k == nil {
			rest, at = append(rest, *g), append(at, i)
			continue
		}
		o := &all[i]
		o.c, o.in, o.memo, o.ahead, o.rows = w.compiled, g.input(), k.memo, !w.whole, &storedRows{w.view, g.strandHashes()}
		if o.values, o.next, err = o.at(w.now); err != nil {
			return nil, err
		}
		if err := w.remember(out, g, k); err != nil {
			return nil, err
		}
	}
	others, err := w.compiled.evaluate(w.view, rest, w.now)
	if err != nil {
		return nil, err
	}
	for i, o := range others {
		all[at[i]] = o
		w.pace(rest[i].id, &o)
		list, inMemory := o.rows.(compute.RowList)
		if !w.whole || !inMemory || len(list) < memoRows || rest[i].rec.Collection != identity.Users {
			continue
		}
		memo := w.compiled.Set.NewMemo(identity.Users)
		if _, err := memo.Eval(list, o.in, w.now); err != nil {
			return nil, err
		}
		if err := w.remember(out, &rest[i], &kept{memo: memo, strands: rest[i].sortedStrands(), rows: len(list)}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// renew stages what becomes of the state of one profile.
func (w *work) renew(out *staged, g *gathered, before State, o *outcome) error {
	keys := w.view.Keys()
	after := State{Timer: before.Timer, Strands: sumOf(g.strands)}
	if g.rec != nil {
		var err error
		if after.Values, err = w.values(g, before, o); err != nil {
			return err
		}
	}
	// The timer is lazy: one that is early is left as it is.
	switch armed := before.Timer; {
	case g.rec == nil:
		after.Timer = 0
	case armed == 0 || armed <= w.now || o.next != 0 && o.next < armed:
		after.Timer = o.next
	}
	if after.Timer != before.Timer {
		if before.Timer != 0 {
			out.delete(codec.Timers.Key(keys, before.Timer, g.id))
		}
		if after.Timer != 0 {
			out.put(codec.Timers.Key(keys, after.Timer, g.id), nil)
		}
	}
	if at, due := w.due[g.id]; due && at != before.Timer && at != after.Timer {
		out.delete(codec.Timers.Key(keys, at, g.id)) // nothing knows of it
	}
	w.tell(out, g, before.Values, after.Values)
	switch old := before.Append(nil); {
	case after.empty():
		if !before.empty() {
			out.delete(codec.States.Key(keys, g.id))
		}
	default:
		if b := after.Append(nil); !bytes.Equal(b, old) {
			out.put(codec.States.Key(keys, g.id), b)
		}
	}
	return nil
}

// values are those of a profile from now on. What is not computed over history yet
// keeps the value that it had when it meant something else.
func (w *work) values(g *gathered, before State, o *outcome) ([]Value, error) {
	var after []Value
	var changed []uint32
	for i := range w.compiled.definitions {
		d := &w.compiled.definitions[i]
		if d.collection != g.rec.Collection || d.disabled {
			continue
		}
		old, had := before.get(d.number)
		if !w.ready(d) {
			if had {
				after = append(after, old)
			}
			continue
		}
		now, has := o.get(d.number)
		switch {
		case !has:
			continue
		case had && bytes.Equal(old.JSON, now.JSON):
			now.Since = old.Since
		default:
			changed = append(changed, d.number)
		}
		after = append(after, now)
	}
	if len(changed) == 0 {
		return after, nil
	}
	since, err := w.since(g, o, changed)
	for i := range after {
		if at, ok := since[after[i].Definition]; ok {
			after[i].Since = at
		}
	}
	return after, err
}

// since finds the moments at which new values of a profile became what they are.
func (w *work) since(g *gathered, o *outcome, changed []uint32) (map[uint32]int64, error) {
	why, known := w.dirty[g.id]
	if o.memo != nil {
		o.latest = w.because(g.id)
		return o.since(w.now, changed)
	}
	if times := o.times(w.now, changed); known && why.once && len(times) > 0 && times[0] == why.at {
		// One event came, and it is the latest: what is new is due to it.
		since := make(map[uint32]int64, len(changed))
		for _, d := range changed {
			since[d] = why.at
		}
		return since, nil
	}
	return o.since(w.now, changed)
}

// tell stages the changes between two states of a profile: the members of audiences,
// and what the feed says of definitions that are complete.
func (w *work) tell(out *staged, g *gathered, before, after []Value) {
	keys := w.view.Keys()
	change := func(d uint32, old, now *Value) {
		def := w.compiled.byNumber[d]
		if now != nil && len(now.JSON) == 0 && old == nil {
			out.put(codec.Members.Key(keys, d, g.id), codec.AppendTime(nil, now.Since))
			w.pos.Sizes[d]++
		}
		if old != nil && len(old.JSON) == 0 && now == nil {
			out.delete(codec.Members.Key(keys, d, g.id))
			w.pos.Sizes[d]--
		}
		if def == nil || g.rec == nil || w.pos.Complete[d] != def.meaning {
			return
		}
		ch := feed.Change{Trait: def.key, Version: g.rec.Version, Time: w.because(g.id)}
		switch {
		case now != nil && len(now.JSON) == 0:
			ch.Kind, ch.Time = feed.AudienceEntered, now.Since
		case now != nil:
			ch.Kind, ch.Value, ch.Time = feed.ComputedSet, now.JSON, now.Since
		case len(old.JSON) == 0:
			ch.Kind = feed.AudienceExited
		default:
			ch.Kind = feed.ComputedRemoved
		}
		out.told = append(out.told, told{g.id, g.rec.Collection, ch})
	}
	for len(before) > 0 || len(after) > 0 {
		switch {
		case len(after) == 0 || len(before) > 0 && before[0].Definition < after[0].Definition:
			change(before[0].Definition, &before[0], nil)
			before = before[1:]
		case len(before) == 0 || after[0].Definition < before[0].Definition:
			change(after[0].Definition, nil, &after[0])
			after = after[1:]
		default:
			if !bytes.Equal(before[0].JSON, after[0].JSON) {
				change(before[0].Definition, &before[0], &after[0])
			}
			before, after = before[1:], after[1:]
		}
	}
}

// ready reports whether a definition can be evaluated: its rows cover all of history.
func (w *work) ready(d *definition) bool {
	return w.pos.Complete[d.number] == d.meaning || w.pos.Job != nil && w.pos.Job.Revision == w.definitions.Revision && w.pos.Job.Values
}

// commit commits what was staged, with the position. Only what the feed is told of
// passes the heart.
func (w *work) commit(out *staged) (err error) {
	w.armSlow(out)
	giveBack := w.takeCounts()
	defer func() {
		if err != nil {
			giveBack()
		}
	}()
	position, err := w.pos.encode()
	if err != nil {
		return err
	}
	out.put(codec.Evaluation.Key(w.view.Keys()), position)
	if len(out.told) == 0 {
		var b kv.Batch
		w.fence.Require(&b)
		for _, op := range out.ops {
			switch op.Kind {
			case kv.OpDelete:
				b.Delete(op.Key)
			case kv.OpDeleteRange:
				b.DeleteRange(op.Key, op.Value)
			default:
				b.Put(op.Key, op.Value)
			}
		}
		err = w.space.Store().Commit(w.view.Context(), &b)
	} else {
		err = w.space.Derive(w.view.Context(), w.fence, w.definitions, func(d *space.Tx) error {
			for _, op := range out.ops {
				switch op.Kind {
				case kv.OpDelete:
					d.Delete(op.Key)
				case kv.OpDeleteRange:
					d.DeleteRange(op.Key, op.Value)
				default:
					d.Put(op.Key, op.Value)
				}
			}
			for i := range out.told {
				d.Tell(out.told[i].profile, out.told[i].collection, out.told[i].Change)
			}
			return nil
		})
	}
	if err != nil {
		return err
	}
	w.evaluator.pos, w.evaluator.skipped = w.pos.clone(), 0
	w.evaluator.counted, w.evaluator.stored = w.compiled, time.Now()
	return nil
}
