package computed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// Settle evaluates until there is nothing left to do.
func (c *Computed) Settle(ctx context.Context) error {
	for n := 0; n < 100_000; n++ {
		if more, err := c.Step(ctx); err != nil || !more {
			return err
		}
	}
	return errors.New("it does not come to an end")
}

// Step does one round of the evaluator.
func (c *Computed) Step(ctx context.Context) (more bool, err error) {
	return c.StepUnder(ctx, c.Lease())
}

// Lease makes a lease of the evaluator's duty.
func (c *Computed) Lease() *lease.Lease { return c.space.NewLease(duty) }

// StepUnder does one round of the evaluator under a lease.
func (c *Computed) StepUnder(ctx context.Context, l *lease.Lease) (more bool, err error) {
	e := c.evaluator
	fence, err := l.Hold(ctx)
	if err != nil {
		return false, err
	}
	if more, _, err = e.round(ctx, fence); err != nil {
		e.forget()
	} else if e.pos != nil {
		e.seen.Store(&e.pos.cursor)
	}
	if errors.Is(err, kv.ErrConflict) || errors.Is(err, space.ErrDefinitionsMoved) {
		return true, nil
	}
	return more, err
}

// Forget is what a crash does to the evaluator.
func (c *Computed) Forget() { c.evaluator.forget() }

// MemosFrom has profiles with that many rows have memos, and those with more stored ones,
// until the returned function is called.
func MemosFrom(rows, stored int) (back func()) {
	oldRows, oldStored := memoRows, foldRows
	memoRows, foldRows = rows, stored
	return func() { memoRows, foldRows = oldRows, oldStored }
}

// MemoBytes has memos keep that much memory, and write so much together, until the
// returned function is called.
func MemoBytes(memory, together int) (back func()) {
	oldMemory, oldTogether := memoBytes, foldBytes
	memoBytes, foldBytes = memory, together
	return func() { memoBytes, foldBytes = oldMemory, oldTogether }
}

// StoredMemos counts the profiles whose folds are stored.
func (c *Computed) StoredMemos(ctx context.Context) (n int, err error) {
	v, err := c.space.View(ctx)
	if err != nil {
		return 0, err
	}
	defer v.Close()
	return n, v.Each(codec.Folds, 500, func(e kv.Entry) error {
		if _, part, _ := codec.Folds.Parse(e.Key); part == headPart {
			n++
		}
		return nil
	})
}

// CheckReads compares what is read of every profile with what the definitions make of the
// bodies of all events, wherever the evaluator is.
func (c *Computed) CheckReads(ctx context.Context) (wrong []string, err error) {
	v, err := c.space.View(ctx)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	defs, _, err := c.read(v)
	if err != nil || defs.Revision == 0 {
		return nil, err
	}
	compiled := compiledOf(defs)
	rows, err := rowsOfBodies(v, compiled)
	if err != nil {
		return nil, err
	}
	var profiles []codec.ProfileID
	if err := v.Each(codec.Profiles, 500, func(e kv.Entry) error {
		p, _ := codec.Profiles.Parse(e.Key)
		rec, err := codec.DecodeProfile(e.Value)
		if err == nil && !rec.Merged {
			profiles = append(profiles, p)
		}
		return err
	}); err != nil {
		return nil, err
	}
	found, err := gather(v, profiles, true)
	if err != nil {
		return nil, err
	}
	of := map[codec.ProfileID]*gathered{}
	for i := range found {
		of[found[i].id] = &found[i]
	}
	for i := range found {
		more, err := c.wrongReads(v, &found[i], of, rows)
		if err != nil {
			return nil, err
		}
		wrong = append(wrong, more...)
	}
	return wrong, nil
}

// wrongReads compares what is read of a profile with the truth.
func (c *Computed) wrongReads(v *space.View, g *gathered, of map[codec.ProfileID]*gathered, rows map[identity.Hash][]compute.Row) (wrong []string, err error) {
	defs, _, err := c.read(v)
	if err != nil {
		return nil, err
	}
	compiled, now := compiledOf(defs), v.Now().UnixNano()
	want, _, err := compiled.truth(v, g, of, rows, now)
	if err != nil {
		return nil, err
	}
	read, err := c.valuesOf(v, g, now, true)
	if err != nil {
		return nil, err
	}
	wanted, values := State{Values: want}, map[string][]byte{}
	for _, t := range read.Traits {
		values[t.Key] = t.JSON
	}
	for _, a := range read.Audiences {
		if _, in := wanted.get(compiled.byKey[a.Key].number); in != a.In {
			wrong = append(wrong, fmt.Sprintf("%s of %s reads as %v, want %v", a.Key, g.id.Text(g.rec.Collection), a.In, in))
		}
	}
	_, pos, err := c.read(v)
	for i := range compiled.definitions {
		d := &compiled.definitions[i]
		if d.audience || d.disabled || d.collection != g.rec.Collection || pos.Complete[d.number] != d.meaning {
			continue
		}
		if a, _ := wanted.get(d.number); !bytes.Equal(a.JSON, values[d.key]) {
			wrong = append(wrong, fmt.Sprintf("%s of %s reads as %s, want %s", d.key, g.id.Text(g.rec.Collection), values[d.key], a.JSON))
		}
	}
	return wrong, err
}

// Check compares all that the evaluator stored with what it makes of the bodies of all
// events, and lists the differences. It must have nothing left to do.
func (c *Computed) Check(ctx context.Context) (wrong []string, err error) {
	v, err := c.space.View(ctx)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	defs, pos, err := c.read(v)
	if err != nil || defs.Revision == 0 {
		return nil, err
	}
	compiled := compiledOf(defs)
	rows, err := rowsOfBodies(v, compiled)
	if err != nil {
		return nil, err
	}
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }

	var profiles []codec.ProfileID
	if err := v.Each(codec.Profiles, 500, func(e kv.Entry) error {
		p, _ := codec.Profiles.Parse(e.Key)
		if rec, err := codec.DecodeProfile(e.Value); err != nil {
			return err
		} else if !rec.Merged {
			profiles = append(profiles, p)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	found, err := gather(v, profiles, true)
	if err != nil {
		return nil, err
	}
	of := map[codec.ProfileID]*gathered{}
	for i := range found {
		of[found[i].id] = &found[i]
	}
	states, members, timers := map[codec.ProfileID]State{}, map[string]bool{}, map[codec.ProfileID]int64{}
	sizes := map[uint32]int64{}
	if err := v.Each(codec.States, 500, func(e kv.Entry) error {
		p, _ := codec.States.Parse(e.Key)
		var err error
		if states[p], err = DecodeState(e.Value); of[p] == nil {
			bad("a state of %x, which is not there", p)
		}
		return err
	}); err != nil {
		return nil, err
	}
	if err := v.Each(codec.Members, 500, func(e kv.Entry) error {
		d, p, _ := codec.Members.Parse(e.Key)
		members[fmt.Sprintf("%d %x", d, p)] = true
		sizes[d]++
		if s := states[p]; compiled.byNumber[d] == nil {
			bad("members of definition %d, which is not there", d)
		} else if val, in := s.get(d); !in || codec.ParseTime(e.Value) != val.Since {
			bad("%x is listed in audience %d, and its state does not say so", p, d)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if err := v.Each(codec.Timers, 500, func(e kv.Entry) error {
		at, p, _ := codec.Timers.Parse(e.Key)
		if timers[p] != 0 {
			bad("%x has two timers", p)
		}
		if timers[p] = at; states[p].Timer != at {
			bad("%x has a timer at %d, its state says %d", p, at, states[p].Timer)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	used := compiled.inUse()
	if err := v.Each(codec.Rows, 500, func(e kv.Entry) error {
		if strand, stream, _, _ := codec.Rows.Parse(e.Key); !used[compute.StreamID(stream)] {
			bad("strand %x has a row of stream %d, which nothing uses", strand, stream)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	now := v.Now().UnixNano()
	for i := range found {
		g := &found[i]
		want, next, err := compiled.truth(v, g, of, rows, now)
		if err != nil {
			return nil, err
		}
		state := states[g.id]
		if next != 0 && (state.Timer == 0 || state.Timer > next) {
			bad("%s: its timer is at %d, and it may change at %d", g.id.Text(g.rec.Collection), state.Timer, next)
		}
		if state.Timer != timers[g.id] {
			bad("%s: its timer is at %d, its state says %d", g.id.Text(g.rec.Collection), timers[g.id], state.Timer)
		}
		wanted := State{Values: want}
		for k := range compiled.definitions {
			d := &compiled.definitions[k]
			if d.disabled || d.collection != g.rec.Collection {
				continue
			}
			if pos.Complete[d.number] != d.meaning {
				bad("%s is not complete", d.key)
				continue
			}
			a, has := wanted.get(d.number)
			b, had := state.get(d.number)
			if has != had || !bytes.Equal(a.JSON, b.JSON) {
				bad("%s of %s: stored %v %s, want %v %s", d.key, g.id.Text(g.rec.Collection), had, b.JSON, has, a.JSON)
			}
			if d.audience && has != members[fmt.Sprintf("%d %x", d.number, g.id)] {
				bad("%s of %s: listed %v, want %v", d.key, g.id.Text(g.rec.Collection), !has, has)
			}
		}
		more, err := c.wrongReads(v, g, of, rows)
		if err != nil {
			return nil, err
		}
		read, err := c.valuesOf(v, g, now, true)
		if err != nil {
			return nil, err
		}
		told, err := c.Followed(ctx, []string{read.Profile}, nil)
		if err != nil {
			return nil, err
		}
		exact := &Person{}
		exact.take(&read)
		if len(told) != 1 || !maps.Equal(told[0].values(), exact.values()) {
			bad("%s is followed with %v, want %v", read.Profile, told, exact.values())
		}
		wrong = append(wrong, more...)
	}
	for i := range compiled.definitions {
		if d := &compiled.definitions[i]; pos.Sizes[d.number] != sizes[d.number] {
			bad("the size of %s is %d, listed are %d", d.key, pos.Sizes[d.number], sizes[d.number])
		}
	}
	return wrong, nil
}

// values are those of a person, by key.
func (p *Person) values() map[string]string {
	out := map[string]string{}
	for _, t := range p.Computed {
		out[t.Key] = string(t.JSON)
	}
	for _, a := range p.Audiences {
		out[a.Key] = "in"
	}
	return out
}

// rowsOfBodies takes the rows out of every event that is stored, by strand.
func rowsOfBodies(v *space.View, c *Compiled) (map[identity.Hash][]compute.Row, error) {
	rows := map[identity.Hash][]compute.Row{}
	err := v.EachBlock(func(b *journal.Block) error {
		for o := range b.Heads {
			e, m, state := b.Event(o)
			if state != journal.Whole {
				continue
			}
			var taken compute.Taken
			c.Set.Extract(&m, e.Source, &taken)
			h := &b.Heads[o]
			for _, row := range taken.Rows {
				row.At = event.Moment{Time: h.Time, ReceivedAt: h.ReceivedAt, Arrival: b.ID.At(o)}
				if strand, ok := strandOf(h, row.Account); ok {
					rows[strand] = append(rows[strand], row)
				}
			}
		}
		return nil
	})
	return rows, err
}

// truth evaluates a profile from rows by strand.
func (c *Compiled) truth(v *space.View, g *gathered, of map[codec.ProfileID]*gathered, rows map[identity.Hash][]compute.Row, now int64) ([]Value, int64, error) {
	o := outcome{c: c, in: g.input()}
	var list []compute.Row
	var strands []identity.Hash
	for _, st := range g.strands {
		list = append(list, rows[st.Hash]...)
		strands = append(strands, st.Hash)
	}
	sooner := int64(0)
	if g.rec.Collection == identity.Accounts {
		others, err := opposites(v, codec.AccountUsers, strands)
		if err != nil {
			return nil, 0, err
		}
		ids, err := profilesOf(v, others)
		if err != nil {
			return nil, 0, err
		}
		members := map[string]int{}
		for _, p := range ids {
			var own []compute.Row
			for _, st := range of[p].strands {
				own = append(own, rows[st.Hash]...)
			}
			list = append(list, own...)
			res, err := c.Set.Eval(compute.NewRowList(own), of[p].input(), now)
			if err != nil {
				return nil, 0, err
			}
			for _, h := range res.Hidden {
				if h.In {
					members[h.Key]++
				}
			}
			if c.counting && res.Next != 0 && (sooner == 0 || res.Next < sooner) {
				sooner = res.Next
			}
		}
		o.in.Users = len(ids)
		o.in.Members = func(a string) int { return members[a] }
	}
	o.rows = compute.NewRowList(list)
	values, next, err := o.at(now)
	if sooner != 0 && (next == 0 || sooner < next) {
		next = sooner
	}
	return values, next, err
}

// CaughtUp reports whether the evaluator has seen all that is stored.
func (c *Computed) CaughtUp(ctx context.Context) bool {
	v, err := c.space.View(ctx)
	if err != nil {
		return false
	}
	defer v.Close()
	end, err := feed.End(ctx, v.Reader(), v.Keys())
	if err != nil {
		return false
	}
	pos := c.evaluator.seen.Load()
	return pos != nil && maps.Equal(*pos, end)
}

// SetPreviewBytes bounds the memory of previews, until the returned function is called.
func SetPreviewBytes(n int) (back func()) {
	before := mostPreviewBytes
	mostPreviewBytes = n
	return func() { mostPreviewBytes = before }
}

// SetHistoryRows has history go through so many rows in one piece, until the returned
// function is called.
func SetHistoryRows(n int) (back func()) {
	before := historyRows
	historyRows = n
	return func() { historyRows = before }
}

// SetMostUsers has accounts with more users rest between evaluations, until the returned
// function is called.
func SetMostUsers(n int) (back func()) {
	before := mostUsers
	mostUsers = n
	return func() { mostUsers = before }
}

// ForgetFoldsVersion is what a version does that knows nothing of stored folds: the
// position is stored without theirs.
func (c *Computed) ForgetFoldsVersion(ctx context.Context) error {
	v, err := c.space.View(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	pos, err := readPosition(ctx, v.Reader(), v.Keys())
	if err != nil {
		return err
	}
	if pos.cursor, err = feed.End(ctx, v.Reader(), v.Keys()); err != nil {
		return err
	}
	pos.Cursor, pos.Folds = pos.cursor.String(), 0
	b, err := json.Marshal(pos)
	if err != nil {
		return err
	}
	var batch kv.Batch
	batch.Put(codec.Evaluation.Key(v.Keys()), b)
	c.Forget()
	return c.space.Store().Commit(ctx, &batch)
}
