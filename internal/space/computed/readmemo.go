package computed

import (
	"maps"
	"slices"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// mostTail is how many records of the feed a read goes through for what the evaluator has
// not seen yet. If there are more, it folds all rows of the profile.
const mostTail = 1024

// evaluateNow evaluates a profile as of a time that is not before that of the evaluator's
// position: a large one by its stored memo, to which it gives what came since.
func (c *Compiled) evaluateNow(v *space.View, pos *position, g *gathered, now int64) (outcome, error) {
	memo, latest, err := c.recallMemo(v, pos, g)
	if err != nil {
		return outcome{}, err
	}
	if memo == nil {
		return c.evaluateThen(v, pos, g, now)
	}
	o := outcome{c: c, in: g.input(), memo: memo, rows: &storedRows{v, g.strandHashes()}}
	if o.latest = latest; latest == 0 || latest > now {
		o.latest = now
	}
	o.values, o.next, err = o.at(now)
	return o, err
}

// evaluateThen evaluates a profile as of any time, out of all its rows.
func (c *Compiled) evaluateThen(v *space.View, _ *position, g *gathered, asOf int64) (outcome, error) {
	all, err := c.evaluate(v, []gathered{*g}, asOf)
	if err != nil {
		return outcome{}, err
	}
	return all[0], nil
}

// recallMemo opens the stored memo of a profile and gives it the rows that came since;
// latest is the time of the latest of these, 0 if there are none. It is nil if there is
// none, or none that is of use.
func (c *Compiled) recallMemo(v *space.View, pos *position, g *gathered) (memo *compute.Memo, latest int64, err error) {
	if g.rec == nil || g.rec.Collection != identity.Users || pos.Folds != foldsVersion {
		return nil, 0, nil
	}
	got, err := v.Reader().Get(v.Context(), codec.Folds.Key(v.Keys(), g.id, headPart))
	if err != nil || got[0] == nil {
		return nil, 0, err
	}
	strands := g.sortedStrands()
	digest, head, ok := parseHead(got[0])
	if !ok || digest != digestOf(strands) {
		return nil, 0, nil
	}
	recs, whole, err := tail(v, pos.cursor)
	if err != nil || !whole {
		return nil, 0, err
	}
	own := func(h identity.Hash) bool {
		_, in := slices.BinarySearchFunc(strands, h, compareHashes)
		return in
	}
	id := g.id.Text(identity.Users)
	var rows []compute.Row
	for i := range recs {
		rec := &recs[i]
		if slices.ContainsFunc(rec.Rewritten, own) || slices.ContainsFunc(rec.Changes, func(ch feed.Change) bool {
			return regroups(&ch) && (ch.Profile == id || ch.From == id)
		}) {
			return nil, 0, nil
		}
		for k := range rec.Rows {
			if r := &rec.Rows[k]; own(r.Strand) {
				rows = append(rows, compute.Row{Stream: compute.StreamID(r.Stream), At: r.At, Value: r.Value})
				latest = max(latest, r.At.Time)
			}
		}
	}
	memo, err = c.Set.OpenMemo(identity.Users, head, &storedEntries{v.Context(), v.Reader(), v.Keys(), g.id})
	if err != nil {
		return nil, 0, err
	}
	for i := range rows {
		memo.Add(&rows[i])
	}
	return memo, latest, nil
}

// tail is what the feed says after the evaluator's position; whole is false if that is too
// much, or not all there yet.
func tail(v *space.View, at feed.Cursor) (recs []feed.Record, whole bool, err error) {
	recs, after, err := feed.Read(v.Context(), v.Reader(), v.Keys(), at, mostTail)
	if err != nil || len(recs) == mostTail {
		return nil, false, err
	}
	end, err := feed.End(v.Context(), v.Reader(), v.Keys())
	return recs, maps.Equal(end, after), err
}
