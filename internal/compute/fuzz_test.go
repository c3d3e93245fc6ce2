package compute

import (
	"github.com/selfsame-id/selfsame/internal/compute/values"

	"errors"
	"testing"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// Whatever the document is, it is read or refused with Mistakes, and what is read can be
// compiled and evaluated or is refused too.
func FuzzDocument(f *testing.F) {
	for _, text := range []string{everything, segkicks, shop, "traits: {a: {event: A, kind: count, where: 'x[0] > 1 ? true : false'}}",
		"audiences: {a: {when: 'events(\"A\", b.exists(c, c > 1)).between(\"2d\", \"1d\").last(\"properties.x\") == 1'}}",
		"- &a [*a]", "{\"traits\": {\"a\": {}}}", "traits: {a: !!binary x}"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := Parse(text)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		set, err := Compile(doc, Streams{}, Names{})
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		rows := rowsOf(t, set, []happened{
			{at: event.Moment{Time: start, ReceivedAt: start}, name: "A", number: "1", text: `"a"`},
			{at: event.Moment{Time: start + 1, ReceivedAt: start + 1}, name: "B", number: "[2]", text: `"a"`},
		})
		for _, c := range []identity.Collection{identity.Users, identity.Accounts} {
			got, err := set.Eval(NewRowList(rows), &Input{Collection: c}, start+second)
			if err != nil || got.Next != 0 && got.Next <= start+second {
				t.Fatal(got, err)
			}
		}
	})
}

// Whatever an event is, taking rows out of it changes nothing of it, is the same again,
// and what is taken can be evaluated.
func FuzzExtract(f *testing.F) {
	set := compiled(f, everything)
	where := compiled(f, `
traits:
  a: {type: any, kind: count, where: 'properties.a == properties.b || properties.c.exists(x, x.y > 1) || context.page.url.contains("x") || time(properties.t) > time("2020-01-01")'}
  b: {type: any, kind: first, property: "properties.a[].b"}
  c: {type: any, kind: unique_list, property: context.page.url}
  d: {type: [identify, group], kind: sum, property: traits.n, where: 'traits.n / traits.m > 1 || size(traits) > 2'}
`)
	for _, text := range []string{
		`{"type":"track","event":"A","userId":"u","properties":{"number":1.5,"text":["a",null,7]}}`,
		`{"type":"track","event":"B","userId":"u","properties":{"a":[{"b":1}],"b":{"c":{}},"c":[{"y":2}],"t":"2021-01-01"}}`,
		`{"type":"identify","userId":"u","traits":{"n":"3","m":0},"context":{"page":{"url":"x"}}}`,
		`{"type":"track","event":"A","userId":"u","properties":{"number":1e60,"number":-1e-60,"text":"\ud800"}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := event.Parse(text, event.Envelope{ReceivedAt: start})
		if err != nil {
			return
		}
		for _, set := range []*Set{set, where} {
			var once, again Taken
			set.Extract(&m, "s", &once)
			set.Extract(&m, "s", &again)
			if len(once.Rows) != len(again.Rows) {
				t.Fatal("not the same twice")
			}
			for i := range once.Rows {
				if string(once.Rows[i].Value) != string(again.Rows[i].Value) {
					t.Fatal("not the same twice")
				}
				tile := set.NewTile(once.Rows[i].Stream)
				if _, err := tile.Add(&once.Rows[i]); err != nil {
					t.Fatal(err)
				}
				if _, err := DecodeTile(tile.Append(nil)); err != nil {
					t.Fatal(err)
				}
			}
			rows := NewRowList(once.Rows)
			memo := set.NewMemo(identity.Users)
			if _, err := memo.Eval(rows, users, start+second); err != nil {
				t.Fatal(err)
			}
			stored := shelf{}
			memo.Keep(stored)
			memo.Flush(stored.take)
			if _, err := set.OpenMemo(identity.Users, memo.Head(), stored); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Damaged bytes are refused, or read as something; nothing breaks.
func FuzzDecode(f *testing.F) {
	set := compiled(f, everything)
	memo := set.NewMemo(identity.Users)
	rows := NewRowList(rowsOf(f, set, []happened{
		{at: event.Moment{Time: start, ReceivedAt: start}, name: "A", number: "1", text: `"a"`},
		{at: event.Moment{Time: start + 5, ReceivedAt: start + 5}, name: "B", number: "1", text: `"a"`},
	}))
	if _, err := memo.Eval(rows, users, start+2); err != nil {
		f.Fatal(err)
	}
	stored := shelf{}
	memo.Keep(stored)
	memo.Flush(stored.take)
	f.Add(memo.Head())
	for _, b := range stored {
		f.Add(b)
	}
	for i := range rows {
		tile := set.NewTile(rows[i].Stream)
		if _, err := tile.Add(&rows[i]); err != nil {
			f.Fatal(err)
		}
		f.Add(tile.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		damaged := shelf{}
		for k := range stored {
			damaged[k] = b
		}
		if m, err := set.OpenMemo(identity.Users, memo.Head(), damaged); err != nil {
			t.Fatal(err)
		} else {
			for i := range rows {
				m.Add(&rows[i])
			}
			_, _ = m.Eval(rows, users, start+second)
		}
		if m, err := set.OpenMemo(identity.Users, b, damaged); err == nil {
			for i := range rows {
				m.Add(&rows[i])
			}
			_, _ = m.Eval(rows, users, start+second)
			_ = m.Size()
		} else if !errors.Is(err, values.ErrCorrupt) {
			t.Fatal(err)
		}
		if tile, err := DecodeTile(b); err == nil {
			for _, f := range set.users.folds {
				if l, ok := f.newFold().(*lifetime); ok {
					_ = l.agg.addTile(tile)
				}
			}
		}
	})
}
