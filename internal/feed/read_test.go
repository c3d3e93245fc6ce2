package feed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/pebblekv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

func TestCursorsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Cursor(rapid.MapOf(rapid.Uint64(), rapid.Uint64Min(1)).Draw(t, "cursor"))
		back, err := ParseCursor(c.String())
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(back, c) {
			t.Fatalf("got %v, want %v", back, c)
		}
	})
	if s := (Cursor{4: 0}).String(); s != "" {
		t.Errorf("the beginning is %q", s)
	}
}

func TestBadCursorsAreRefused(t *testing.T) {
	good := Cursor{1: 2, 9: 3}.String()
	for _, bad := range []string{"x", "!", "AQ", good + "A", good[:len(good)-1], good + "\n", good + "=", "AgEC", "AQEA", "AYEAAg", "AQECAAM"} {
		if c, err := ParseCursor(bad); !errors.Is(err, ErrBadCursor) {
			t.Errorf("%q: %v, %v", bad, c, err)
		}
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add(Cursor{1: 2, 1 << 60: 3}.String())
	f.Add("AQEA")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCursor(s)
		if err == nil && c.String() != s {
			t.Fatalf("%q reads as %v, which is %q", s, c, c.String())
		}
		if err != nil && !errors.Is(err, ErrBadCursor) {
			t.Fatal(err)
		}
	})
}

func openStore(t testing.TB) kv.Store {
	t.Helper()
	s, err := pebblekv.Open("data", pebblekv.Options{FS: vfs.NewMem(), CacheBytes: 8 << 20, MemtableBytes: 4 << 20, ReserveBytes: -1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// spaceOf is the keyspace that tests call by a letter.
func spaceOf(letter string) codec.Keyspace { return codec.NewKeyspace(uint16(letter[0])) }

// put stores records of a space.
func put(t testing.TB, s kv.Store, space string, records ...Record) {
	t.Helper()
	var b kv.Batch
	for i := range records {
		b.Put(codec.FeedRecords.Key(spaceOf(space), records[i].Lane, records[i].Seq), records[i].Append(nil))
	}
	if err := s.Commit(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
}

// read reads after a cursor, which it takes through its text.
func read(t testing.TB, s kv.Store, space, cursor string, limit int) (names []string, next string) {
	t.Helper()
	c, err := ParseCursor(cursor)
	if err != nil {
		t.Fatal(err)
	}
	before := maps.Clone(c)
	r, err := s.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	records, after, err := Read(context.Background(), r, spaceOf(space), c, limit)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(c, before) {
		t.Errorf("Read changed its cursor from %v to %v", before, c)
	}
	for _, r := range records {
		names = append(names, fmt.Sprintf("%d.%d", r.Lane, r.Seq))
	}
	return names, after.String()
}

func TestReadTakesLanesTogether(t *testing.T) {
	s := openStore(t)
	put(t, s, "f",
		Record{Lane: 1, Seq: 1, Time: 10}, Record{Lane: 1, Seq: 2, Time: 30}, Record{Lane: 1, Seq: 3, Time: 25},
		Record{Lane: 2, Seq: 1, Time: 20}, Record{Lane: 2, Seq: 2, Time: 30},
		Record{Lane: 1<<64 - 1, Seq: 1, Time: 5})
	put(t, s, "e", Record{Lane: 1, Seq: 1}) // a neighbour's
	put(t, s, "g", Record{Lane: 1, Seq: 1})
	want := []string{"18446744073709551615.1", "1.1", "2.1", "1.2", "1.3", "2.2"}
	for limit := 1; limit <= len(want)+1; limit++ {
		var got []string
		for cursor := ""; ; {
			names, next := read(t, s, "f", cursor, limit)
			got = append(got, names...)
			if cursor = next; len(names) < limit {
				break
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%d at a time: %v, want %v", limit, got, want)
		}
	}
}

func TestReadHoldsBackAGap(t *testing.T) {
	s := openStore(t)
	put(t, s, "f", Record{Lane: 1, Seq: 1, Time: 1}, Record{Lane: 1, Seq: 3, Time: 3},
		Record{Lane: 2, Seq: 2, Time: 2}, Record{Lane: 3, Seq: 1, Time: 4})
	names, cursor := read(t, s, "f", "", 10)
	if want := []string{"1.1", "3.1"}; !reflect.DeepEqual(names, want) {
		t.Errorf("with gaps: %v, want %v", names, want)
	}
	put(t, s, "f", Record{Lane: 1, Seq: 2, Time: 2}, Record{Lane: 2, Seq: 1, Time: 9})
	names, cursor = read(t, s, "f", cursor, 10)
	if want := []string{"1.2", "1.3", "2.1", "2.2"}; !reflect.DeepEqual(names, want) {
		t.Errorf("with the gaps filled: %v, want %v", names, want)
	}
	if names, _ = read(t, s, "f", cursor, 10); len(names) != 0 {
		t.Errorf("at the end: %v", names)
	}
}

func TestReadManyLanesInPages(t *testing.T) {
	s := openStore(t)
	var want []string
	for i := range 700 {
		r := Record{Lane: uint64(i % 7), Seq: uint64(i/7 + 1), Time: int64(i)}
		put(t, s, "f", r)
		want = append(want, fmt.Sprintf("%d.%d", r.Lane, r.Seq))
	}
	if got, _ := read(t, s, "f", "", 1000); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if got, _ := read(t, s, "f", "", 333); !slices.Equal(got, want[:333]) {
		t.Errorf("got %v", got)
	}
}

func TestReadReportsDamage(t *testing.T) {
	ctx := context.Background()
	for name, fill := range map[string]func(b *kv.Batch){
		"a key":    func(b *kv.Batch) { b.Put(append(codec.FeedRecords.Prefix(spaceOf("f")), "123"...), nil) },
		"a record": func(b *kv.Batch) { b.Put(codec.FeedRecords.Key(spaceOf("f"), 1, 1), []byte{recordVersion, 1}) },
		"a place": func(b *kv.Batch) {
			b.Put(codec.FeedRecords.Key(spaceOf("f"), 1, 1), (&Record{Lane: 1, Seq: 2}).Append(nil))
		},
	} {
		s := openStore(t)
		var b kv.Batch
		fill(&b)
		if err := s.Commit(ctx, &b); err != nil {
			t.Fatal(err)
		}
		r, err := s.Snapshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Read(ctx, r, spaceOf("f"), nil, 1); !errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		if _, _, err := Read(ctx, r, spaceOf("f"), nil, 0); !errors.Is(err, kv.ErrInvalid) {
			t.Errorf("limit 0: %v", err)
		}
		r.Close()
	}
}

func BenchmarkReadOneLane(b *testing.B) {
	s := openStore(b)
	for i := range uint64(1000) {
		put(b, s, "f", Record{Lane: 1, Seq: i + 1, Time: int64(i), Events: 100})
	}
	r, err := s.Snapshot(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	for b.Loop() {
		if got, _, err := Read(context.Background(), r, spaceOf("f"), Cursor{1: 990}, 100); err != nil || len(got) != 10 {
			b.Fatal(len(got), err)
		}
	}
}
