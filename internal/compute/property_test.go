package compute

import (
	"github.com/selfsame-id/selfsame/internal/compute/values"

	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
)

var start = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()

// drawTime draws a time within six days, near whole hours and seconds.
func drawTime(t *rapid.T, label string) int64 {
	at := start + int64(rapid.IntRange(0, 144).Draw(t, label))*int64(time.Hour)
	return at + rapid.SampledFrom([]int64{0, 0, 1, second / 2, second - 1, second, -1, 20 * 60 * second}).Draw(t, label+" off")
}

func drawEvents(t *rapid.T) []happened {
	texts, numbers := slices.Sorted(maps.Keys(texts)), slices.Sorted(maps.Keys(numbers))
	out := make([]happened, rapid.IntRange(0, 25).Draw(t, "events"))
	for i := range out {
		at := drawTime(t, "time")
		out[i] = happened{
			at:     event.Moment{Time: at, ReceivedAt: at + int64(rapid.IntRange(0, 1).Draw(t, "later")), Arrival: event.NewBlock(uint64(i+1), 1).At(i)},
			page:   rapid.IntRange(0, 9).Draw(t, "page") == 0,
			name:   rapid.SampledFrom([]string{"A", "A", "A", "B", "B", "x  y", "x z y!", "Home"}).Draw(t, "name"),
			number: rapid.SampledFrom(numbers).Draw(t, "number"),
			text:   rapid.SampledFrom(texts).Draw(t, "text"),
		}
	}
	return out
}

// rowsOf takes the rows out of events.
func rowsOf(t interface{ Fatal(...any) }, set *Set, events []happened) []Row {
	var taken Taken
	for _, e := range events {
		m, err := event.Parse([]byte(e.body()), event.Envelope{ReceivedAt: e.at.ReceivedAt})
		if err != nil {
			t.Fatal(err)
		}
		if m.Time != e.at.Time {
			t.Fatal(m.Time, e.at.Time)
		}
		from := len(taken.Rows)
		set.Extract(&m, "app", &taken)
		for i := range taken.Rows[from:] {
			taken.Rows[from+i].At.Arrival = e.at.Arrival
		}
	}
	return taken.Rows
}

// asMap is a result in the naive program's form.
func resultMap(r Result) map[string]string {
	out := map[string]string{}
	for _, v := range r.Traits {
		if v.JSON != nil {
			out[v.Key] = string(v.JSON)
		}
	}
	for _, a := range r.Audiences {
		if a.In {
			out["in "+a.Key] = "true"
		}
	}
	return out
}

// sameValue compares values; numbers may differ where the naive program is not exact.
func sameValue(a, b string) bool {
	if a == b {
		return true
	}
	x, ok := new(big.Rat).SetString(a)
	y, good := new(big.Rat).SetString(b)
	if !ok || !good {
		return false
	}
	diff, _ := new(big.Rat).Sub(x, y).Float64()
	size, _ := x.Float64()
	return max(diff, -diff) <= max(size, -size)*1e-15
}

func differ(t interface{ Fatalf(string, ...any) }, what string, events []happened, now int64, got, want map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(joined(got, want))) {
		if !sameValue(got[key], want[key]) {
			text := ""
			for _, e := range events {
				text += fmt.Sprintf("\n%s  arrival %d, received +%d", e.body(), e.at.Arrival.Ordinal(), e.at.ReceivedAt-e.at.Time)
			}
			t.Fatalf("%s: %s is %s, want %s, as of %s%s", what, key, got[key], want[key], time.Unix(0, now).UTC().Format(time.RFC3339Nano), text)
		}
	}
}

func joined(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

var users = &Input{Collection: identity.Users}

// Eval answers what the naive program does, at any time and for rows with and without
// tiles; and nothing changes before Next.
func TestEvalEqualsTheNaiveProgram(t *testing.T) {
	set := compiled(t, everything)
	rapid.Check(t, func(t *rapid.T) {
		defer lower(t)()
		events := drawEvents(t)
		rows := NewRowList(rowsOf(t, set, events))
		tiled := newTiledRows(t, set, rows)
		now := drawTime(t, "now")
		for range 4 {
			got, err := set.Eval(rows, users, now)
			if err != nil {
				t.Fatal(err)
			}
			differ(t, "eval", events, now, resultMap(got), computeNaively(events, now))
			with, err := set.Eval(tiled, users, now)
			if err != nil {
				t.Fatal(err)
			}
			differ(t, "with tiles", events, now, resultMap(with), resultMap(got))
			if with.Next != got.Next {
				t.Fatalf("next is %d with tiles, %d without", with.Next, got.Next)
			}
			if got.Next == 0 {
				for _, later := range []int64{now + 1, now + int64(3*naiveDay), now + int64(3650*naiveDay)} {
					differ(t, "for ever", events, later, resultMap(got), computeNaively(events, later))
				}
				return
			}
			if got.Next <= now {
				t.Fatalf("next is %d, now is %d", got.Next, now)
			}
			for _, before := range []int64{got.Next - 1, now + (got.Next-now)/2} {
				differ(t, fmt.Sprintf("before %d", got.Next), events, before, resultMap(got), computeNaively(events, before))
			}
			now = got.Next
		}
	})
}

// lower makes windows crowded early, in some runs.
func lower(t *rapid.T) func() {
	was := mostEntries
	if rapid.Bool().Draw(t, "crowded") {
		mostEntries = 2
	}
	return func() { mostEntries = was }
}

// shorten has lists and pages be short, in some runs.
func shorten(t *rapid.T) func() {
	listed, ends := values.MostListed, endsPage
	if rapid.Bool().Draw(t, "short") {
		values.MostListed, endsPage = 2, 1
	}
	return func() { values.MostListed, endsPage = listed, ends }
}

// shelf is entries in memory.
type shelf map[EntryKey][]byte

// Get implements Entries.
func (s shelf) Get(keys []EntryKey) ([][]byte, error) {
	out := make([][]byte, len(keys))
	for i, k := range keys {
		out[i] = s[k]
	}
	return out, nil
}

// Scan implements Entries.
func (s shelf) Scan(fold uint64, table byte, after *string, limit int) ([]Entry, error) {
	var out []Entry
	for k, v := range s {
		if k.Fold == fold && k.Table == table && (after == nil || k.Key > *after) {
			out = append(out, Entry{EntryKey: k, Value: v})
		}
	}
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) })
	return out[:min(limit, len(out))], nil
}

// take does what a memo tells.
func (s shelf) take(e Entry) {
	switch {
	case e.All:
		maps.DeleteFunc(s, func(k EntryKey, _ []byte) bool { return k.Fold == e.Fold })
	case e.Gone:
		delete(s, e.EntryKey)
	default:
		s[e.EntryKey] = append([]byte{}, e.Value...)
	}
}

// A memo answers what Eval does, whatever the order in which rows come and the clock
// moves, also when it is stored, when memory keeps nothing of what was, and after it was
// opened again.
func TestMemoEqualsEval(t *testing.T) {
	set := compiled(t, strings.Replace(everything, "audiences:\n", `
  since_u:  {kind: since, of: {event: A, kind: unique_list, property: properties.text}, last: {event: B, where: 'properties.number < 2'}}
  uniq_ses: {event: A, kind: unique_count, property: properties.text, window: {session: 2h}}
audiences:
`, 1))
	rapid.Check(t, func(t *rapid.T) {
		defer lower(t)()
		defer shorten(t)()
		events := drawEvents(t)
		all := rowsOf(t, set, events)
		var stored shelf // nil: all is in memory
		all = rapid.Permutation(all).Draw(t, "order")
		memo := set.NewMemo(identity.Users)
		var have []Row
		now := drawTime(t, "now")
		for {
			n := min(len(all), rapid.IntRange(0, 6).Draw(t, "more"))
			for i := range all[:n] {
				memo.Add(&all[i])
			}
			have, all = append(have, all[:n]...), all[n:]
			rows := newTiledRows(t, set, NewRowList(slices.Clone(have)))
			if rapid.IntRange(0, 3).Draw(t, "ahead") == 0 {
				if _, err := memo.EvalAhead(NewRowList(slices.Concat(have, all)), users, now); err != nil {
					t.Fatal(err)
				}
			}
			got, err := memo.Eval(rows, users, now)
			if err != nil {
				t.Fatal(err)
			}
			want, err := set.Eval(rows, users, now)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got.Traits {
				if g, w := string(got.Traits[i].JSON), string(want.Traits[i].JSON); g != w {
					t.Fatalf("%s is %s, want %s, as of %d", got.Traits[i].Key, g, w, now)
				}
			}
			if !slices.Equal(got.Audiences, want.Audiences) || got.Next != want.Next {
				t.Fatalf("got %v next %d, want %v next %d", got.Audiences, got.Next, want.Audiences, want.Next)
			}
			if stored == nil && rapid.IntRange(0, 2).Draw(t, "keep") == 0 {
				stored = shelf{}
				memo.Keep(stored)
			}
			switch {
			case stored == nil:
			case rapid.IntRange(0, 4).Draw(t, "forget") == 0:
				memo.Forget(set.InUse()[rapid.IntRange(0, len(set.InUse())-1).Draw(t, "stream")].ID)
			case rapid.Bool().Draw(t, "flush"):
				memo.Flush(stored.take)
				switch rapid.IntRange(0, 2).Draw(t, "after") {
				case 0:
					memo.Shrink()
				case 1:
					if memo, err = set.OpenMemo(identity.Users, memo.Head(), stored); err != nil {
						t.Fatal(err)
					}
				}
			}
			if len(all) == 0 && n == 0 {
				return
			}
			switch rapid.IntRange(0, 3).Draw(t, "clock") {
			case 0:
				now = drawTime(t, "now")
			case 1:
				if got.Next > 0 {
					now = got.Next
				}
			case 2:
				now += int64(rapid.IntRange(0, 100).Draw(t, "minutes")) * 60 * second
			}
		}
	})
}

// tiledRows are rows of two strands, of which some days have tiles.
type tiledRows struct {
	RowList
	set     *Set
	strands [2]RowList
	tiles   []map[tileAt]bool
}

type tileAt struct {
	stream StreamID
	day    int64
}

func newTiledRows(t *rapid.T, set *Set, rows RowList) *tiledRows {
	x := &tiledRows{RowList: rows, set: set, tiles: []map[tileAt]bool{{}, {}}}
	for _, r := range rows {
		i := r.At.Arrival.Ordinal() % 2
		x.strands[i] = append(x.strands[i], r)
	}
	for i, strand := range x.strands {
		for _, r := range strand {
			at := tileAt{r.Stream, r.At.Time / day}
			if _, drawn := x.tiles[i][at]; !drawn {
				x.tiles[i][at] = rapid.Bool().Draw(t, "tile")
			}
		}
	}
	return x
}

// Fold implements Rows.
func (x *tiledRows) Fold(stream StreamID, from, to int64, tile func(*Tile) error, row func(*Row) error) error {
	for i, strand := range x.strands {
		done := map[int64]bool{}
		err := strand.Fold(stream, from, to, nil, func(r *Row) error {
			d := r.At.Time / day
			if !x.tiles[i][tileAt{stream, d}] || d*day < from || (d+1)*day > to {
				return row(r)
			}
			if done[d] {
				return nil
			}
			done[d] = true
			one := x.set.NewTile(stream)
			var its []Row
			err := strand.Fold(stream, d*day, (d+1)*day, nil, func(r *Row) error {
				its = append(its, *r)
				return nil
			})
			if err != nil {
				return err
			}
			for i := range its { // in no order: the odd ones backwards, then the even ones
				j := (2*len(its) - 1 - 2*i) % len(its)
				if len(its)%2 == 0 {
					j = len(its) - 1 - i
				}
				if _, err := one.Add(&its[j]); err != nil {
					return err
				}
			}
			read, err := DecodeTile(one.Append(nil))
			if err != nil {
				return err
			}
			return tile(read)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
