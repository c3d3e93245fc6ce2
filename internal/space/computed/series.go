package computed

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// History is how what the definitions of now make of a profile changed with its events.
// The profile is put together as it is now, or as of the time that was asked for; its
// events count from their own times on.
type History struct {
	Profile  string
	Revision uint64 // of the definitions
	AsOf     int64  // nanoseconds since 1970
	// Sampled means that the profile has too many moments to look at each: changes
	// between the listed ones may be missing, and a time may be a little late.
	Sampled bool
	Series  []Series // by key; definitions that are not complete are left out
}

// Series is how one value changed, the oldest change first.
type Series struct {
	Key      string
	Audience bool
	Changes  []Change
}

// Change is what a value became at a time.
type Change struct {
	At   int64  // an event time, or a moment at which time alone changed it; nanoseconds since 1970
	JSON []byte // of a computed trait; nil: it has none from then on
	In   bool   // of an audience
}

// HistoryQuery narrows a History. The zero value asks for all of it.
type HistoryQuery struct {
	Keys       []string    // empty: all
	Start, End query.Bound // Start <= time < End; what is so at Start is the first change
}

const (
	// mostMoments bounds the moments that are looked at, without those between them at
	// which time alone changes something, of which there are at most as many.
	mostMoments = 1500
	// mostChanges and mostChangeBytes bound the changes of one series.
	mostChanges     = 500
	mostChangeBytes = 256 << 10
	// mostTraitEvents bounds the calls that are read for the traits of then.
	mostTraitEvents = 2000
	// mostSeriesRows bounds the rows that a history is made of, and mostSeriesUsers the users
	// of an account.
	mostSeriesRows, mostSeriesUsers = 500_000, 2_000
	// mostWholes bounds the moments of an account of which every user is evaluated.
	mostWholes = 50
)

// ComputedHistory works out how the values of a profile changed. space.ErrNotFound if ref
// names no profile; space.ErrTooLarge where too many events or users would have to be read.
func (c *Computed) ComputedHistory(ctx context.Context, ref space.Ref, q HistoryQuery) (History, error) {
	v, err := c.space.View(ctx)
	if err != nil {
		return History{}, err
	}
	defer v.Close()
	found, err := query.Find(v, ref)
	if err != nil {
		return History{}, err
	}
	defs, pos, err := c.read(v)
	if err != nil {
		return History{}, err
	}
	now := v.Now().UnixNano()
	if ref.AsOf != 0 && ref.AsOf < now {
		now = ref.AsOf
	}
	out := History{Profile: found.ID.Text(found.Record.Collection), Revision: defs.Revision, AsOf: now}
	compiled := compiledOf(defs)
	if compiled == nil {
		return out, nil
	}
	h := &historian{c: compiled, v: v, q: q, now: now}
	h.g = gathered{id: found.ID, rec: found.Record, strands: found.Strands, ids: found.Identifiers()}
	for _, key := range compiled.keys() {
		d := compiled.byKey[key]
		if d.disabled || d.collection != found.Record.Collection || pos.Complete[d.number] != d.meaning || len(q.Keys) > 0 && !slices.Contains(q.Keys, key) {
			continue
		}
		h.shown = append(h.shown, d)
		out.Series = append(out.Series, Series{Key: key, Audience: d.audience, Changes: []Change{}})
	}
	if len(h.shown) == 0 {
		return out, nil
	}
	var complete bool
	if h.said, complete, err = found.TraitTimeline(mostTraitEvents); err != nil {
		return out, err
	}
	h.out, h.sampled = out.Series, !complete
	if err := h.work(); err != nil {
		return out, err
	}
	out.Sampled = h.sampled
	return out, nil
}

// historian works one history out, from the first moment to the last.
type historian struct {
	c     *Compiled
	v     *space.View
	q     HistoryQuery
	g     gathered
	now   int64
	said  []profile.Trait // of traits, by moment
	shown []*definition

	users   int            // of an account
	traits  profile.Traits // as of the moment that is looked at
	out     []Series       // of shown
	sampled bool
}

func (h *historian) work() error {
	all, err := h.rows()
	if err != nil {
		return err
	}
	rows := slices.Clone(all)
	slices.SortStableFunc(rows, func(a, b compute.Row) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Stream, b.Stream))
	})
	start, end := int64(math.MinInt64), h.now+1
	if h.q.Start.Set {
		start = h.q.Start.At
	}
	if h.q.End.Set {
		end = min(end, h.q.End.At)
	}
	moments := h.moments(rows, start, end)
	at := h.whole()
	if at == nil {
		at = h.folding(rows, all)
	} else if moments = thin(moments, mostWholes); len(moments) == mostWholes {
		h.sampled = true
	}
	extra := len(moments)
	if extra < mostMoments/10 {
		extra = mostMoments / 10
	}
	for i, t := range moments {
		until := end
		if i+1 < len(moments) {
			until = moments[i+1]
		}
		next, err := h.look(at, t)
		for err == nil && next != 0 && next < until {
			if extra--; extra < 0 {
				h.sampled = true
				break
			}
			next, err = h.look(at, next)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// moments lists the times at which something may change in a stretch, and its start.
func (h *historian) moments(rows []compute.Row, start, end int64) []int64 {
	var all []int64
	for i := range rows {
		all = append(all, rows[i].At.Time)
	}
	for i := range h.said {
		all = append(all, h.said[i].Time)
	}
	for _, id := range h.g.ids {
		all = append(all, id.Time)
	}
	all = slices.DeleteFunc(all, func(t int64) bool { return t < start || t >= end })
	if h.q.Start.Set && start < end {
		all = append(all, start)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) > mostMoments {
		all, h.sampled = thin(all, mostMoments), true
	}
	return all
}

// thin leaves at most n of a list, evenly, the last among them.
func thin(list []int64, n int) []int64 {
	if len(list) <= n {
		return list
	}
	out := make([]int64, n)
	for i := range out {
		out[i] = list[(i+1)*len(list)/n-1]
	}
	return out
}

// folding evaluates moment after moment with a memo, which costs what each adds. sorted
// has the rows by time, all by stream.
func (h *historian) folding(sorted []compute.Row, all compute.RowList) func(int64) ([]Value, int64, error) {
	memo := h.c.Set.NewMemo(h.g.rec.Collection)
	begun := false
	o := &outcome{c: h.c, memo: memo}
	return func(t int64) ([]Value, int64, error) {
		o.in = h.input(t)
		o.rows = upTo{all, t}
		if !begun {
			begun = true
			for len(sorted) > 0 && sorted[0].At.Time <= t {
				sorted = sorted[1:]
			}
			return o.at(t)
		}
		for len(sorted) > 0 && sorted[0].At.Time <= t {
			memo.Add(&sorted[0])
			sorted = sorted[1:]
		}
		return o.at(t)
	}
}

// whole evaluates an account with all its users anew at each moment; nil where that is
// not needed, since nothing counts them.
func (h *historian) whole() func(int64) ([]Value, int64, error) {
	audience := func(d *definition) bool { return d.audience }
	if h.g.rec.Collection != identity.Accounts || !h.c.counting || !slices.ContainsFunc(h.shown, audience) {
		return nil
	}
	return func(t int64) ([]Value, int64, error) {
		g := h.g
		in := h.input(t)
		g.traits, g.ids = in.Traits, in.Identifiers
		o, err := h.c.evaluateAccount(h.v, &g, t)
		return o.values, o.next, err
	}
}

// rows reads the rows of the profile; of an account also those of its users.
func (h *historian) rows() (compute.RowList, error) {
	strands := make([]identity.Hash, len(h.g.strands))
	for i, st := range h.g.strands {
		strands[i] = st.Hash
	}
	if h.g.rec.Collection == identity.Accounts {
		others, err := opposites(h.v, codec.AccountUsers, strands)
		if err != nil {
			return nil, err
		}
		ids, err := profilesOf(h.v, others)
		if err != nil {
			return nil, err
		}
		if len(ids) > mostSeriesUsers {
			return nil, fmt.Errorf("%w: the account has more than %d users; ask for its values as of single times", space.ErrTooLarge, mostSeriesUsers)
		}
		users, err := gather(h.v, ids, false)
		if err != nil {
			return nil, err
		}
		h.users = len(users)
		for i := range users {
			for _, st := range users[i].strands {
				strands = append(strands, st.Hash)
			}
		}
	}
	var rows []compute.Row
	err := h.c.readRows(h.v, strands, func(_ int, row compute.Row) {
		if row.At.Time <= h.now && len(rows) <= mostSeriesRows {
			rows = append(rows, row)
		}
	})
	if err == nil && len(rows) > mostSeriesRows {
		err = fmt.Errorf("%w: more than %d events count here; ask for the values as of single times", space.ErrTooLarge, mostSeriesRows)
	}
	return compute.NewRowList(rows), err
}

// input is what was known of the profile besides its rows at a time, which is not before
// the one of the last call.
func (h *historian) input(t int64) *compute.Input {
	in := &compute.Input{Collection: h.g.rec.Collection, Users: h.users}
	n := 0
	for n < len(h.said) && h.said[n].Time <= t {
		n++
	}
	h.traits, _ = h.traits.Apply(h.said[:n])
	h.said = h.said[n:]
	in.Traits = h.traits
	for _, id := range h.g.ids {
		if id.Time <= t {
			in.Identifiers = append(in.Identifiers, id)
		}
	}
	return in
}

// look evaluates one moment and notes what changed.
func (h *historian) look(at func(int64) ([]Value, int64, error), t int64) (next int64, err error) {
	values, next, err := at(t)
	if err != nil {
		return 0, err
	}
	state := State{Values: values}
	for i, d := range h.shown {
		v, has := state.get(d.number)
		c := Change{At: t, In: has && d.audience}
		if has && !d.audience {
			c.JSON = v.JSON
		}
		h.note(&h.out[i], c)
	}
	return next, nil
}

// note appends a change if it is one.
func (h *historian) note(s *Series, c Change) {
	last := Change{}
	if n := len(s.Changes); n > 0 {
		last = s.Changes[n-1]
	}
	if last.In == c.In && bytes.Equal(last.JSON, c.JSON) && (last.JSON == nil) == (c.JSON == nil) {
		return
	}
	s.Changes = append(s.Changes, c)
	for bytesOf(s.Changes) > mostChangeBytes && len(s.Changes) > 1 || len(s.Changes) > mostChanges {
		kept := s.Changes[:0]
		for i, one := range s.Changes {
			if i%2 == (len(s.Changes)-1)%2 {
				kept = append(kept, one)
			}
		}
		s.Changes, h.sampled = kept, true
	}
}

func bytesOf(changes []Change) (n int) {
	for i := range changes {
		n += 16 + len(changes[i].JSON)
	}
	return n
}

// upTo is Rows without those after a time.
type upTo struct {
	compute.RowList
	time int64
}

func (u upTo) Scan(stream compute.StreamID, from, to int64, row func(*compute.Row) bool) error {
	return u.RowList.Scan(stream, from, min(to, u.time+1), row)
}

func (u upTo) Latest(stream compute.StreamID, to int64) (compute.Row, bool, error) {
	return u.RowList.Latest(stream, min(to, u.time+1))
}

func (u upTo) Fold(stream compute.StreamID, from, to int64, tile func(*compute.Tile) error, row func(*compute.Row) error) error {
	return u.RowList.Fold(stream, from, min(to, u.time+1), tile, row)
}
