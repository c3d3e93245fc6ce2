package kvtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kv"
)

func testGet(t *testing.T, b Backend) {
	s := b.open(t)
	s.commit(func(b *kv.Batch) {
		b.Put([]byte("a"), []byte("1"))
		b.Put([]byte("empty"), []byte{})
		b.Put([]byte("nil"), nil)
		b.Put([]byte{0}, []byte{0, 0xff, 0})
		b.Put([]byte{0xff, 0xff}, []byte("last"))
	})
	v := s.view()
	got := v.get("nil", "absent", "a", "empty", "a", "\x00", "\xff\xff", "", strings.Repeat("k", kv.MaxKeyBytes+1))
	want := []string{"", "-", "1", "", "1", "\x00\xff\x00", "last", "-", "-"}
	for i := range want {
		if absent := want[i] == "-"; absent != (got[i] == nil) || !absent && string(got[i]) != want[i] {
			t.Errorf("value %d is %q (nil: %v), want %q", i, got[i], got[i] == nil, want[i])
		}
	}
	if got := v.get(); len(got) != 0 {
		t.Errorf("Get of no keys gives %d values", len(got))
	}
}

// testScan compares scans of every kind with the model.
func testScan(t *testing.T, b Backend) {
	s := b.open(t)
	m := model{}
	rng := rand.New(rand.NewPCG(1, 2))
	var batch kv.Batch
	for i := range 700 {
		batch.Put(randomKey(rng), []byte(fmt.Sprint(i)))
	}
	m, _ = m.commit(&batch)
	if err := s.Store.Commit(context.Background(), &batch); err != nil {
		t.Fatal(err)
	}
	v := s.view()
	m.same(t, v)
	for range 150 {
		from, to := randomKey(rng), randomKey(rng)
		if rng.IntN(6) == 0 {
			from = nil
		}
		if rng.IntN(6) == 0 {
			to = nil
		}
		limit := 1 + rng.IntN(40)
		if rng.IntN(4) == 0 {
			limit = 5000
		}
		reverse := rng.IntN(2) == 0
		if d := differ(v.scan(from, to, limit, reverse), m.scan(from, to, limit, reverse)); d != "" {
			t.Fatalf("Scan(%q, %q, %d, %v): %s", from, to, limit, reverse, d)
		}
	}
	// As many ranges as make a network backend take them in pages.
	ranges := make([]kv.Range, 40)
	for i := range ranges {
		ranges[i].From = randomKey(rng)
	}
	all, err := v.Scans(context.Background(), ranges, 5000, false)
	if err != nil {
		t.Fatal(err)
	}
	for i := range ranges {
		if d := differ(all[i], m.scan(ranges[i].From, nil, 5000, false)); d != "" {
			t.Fatalf("Scans, range %d from %q: %s", i, ranges[i].From, d)
		}
	}
	for i := range ranges {
		ranges[i].To = randomKey(rng)
	}
	if all, err = v.Scans(context.Background(), ranges, 7, false); err != nil {
		t.Fatal(err)
	}
	for i := range ranges {
		if d := differ(all[i], m.scan(ranges[i].From, ranges[i].To, 7, false)); d != "" {
			t.Fatalf("Scans, range %d from %q to %q: %s", i, ranges[i].From, ranges[i].To, d)
		}
	}
	var paged []kv.Entry
	var from []byte
	for {
		page := v.scan(from, nil, 33, false)
		paged = append(paged, page...)
		if len(page) < 33 {
			break
		}
		from = kv.After(page[len(page)-1].Key)
	}
	if d := differ(paged, m.scan(nil, nil, 5000, false)); d != "" {
		t.Fatalf("in pages: %s", d)
	}
}

// randomKey gives short keys of few bytes, so that many are prefixes of each
// other, with the bytes that collations and encodings treat in special ways.
func randomKey(rng *rand.Rand) []byte {
	alphabet := []byte{0, 1, 'A', 'a', 'b', '\\', '%', 0x7f, 0x80, 0xc3, 0xfe, 0xff}
	k := make([]byte, 1+rng.IntN(4))
	for i := range k {
		k[i] = alphabet[rng.IntN(len(alphabet))]
	}
	return k
}

func testScanBounds(t *testing.T, b Backend) {
	s := b.open(t)
	s.commit(func(b *kv.Batch) {
		for _, k := range []string{"\x00", "a", "a\x00", "aa", "b", "\xff", "\xff\xff"} {
			b.Put([]byte(k), []byte("v"+k))
		}
	})
	v := s.view()
	for _, test := range []struct {
		from, to []byte
		limit    int
		reverse  bool
		want     string
	}{
		{nil, nil, 10, false, "\x00|a|a\x00|aa|b|\xff|\xff\xff"},
		{nil, nil, 10, true, "\xff\xff|\xff|b|aa|a\x00|a|\x00"},
		{nil, nil, 1, false, "\x00"},
		{nil, nil, 1, true, "\xff\xff"},
		{[]byte{}, nil, 1, false, "\x00"},
		{nil, []byte{}, 9, false, ""},
		{nil, []byte{}, 9, true, ""},
		{[]byte("a"), []byte("a"), 9, false, ""},
		{[]byte("b"), []byte("a"), 9, false, ""},
		{[]byte("b"), []byte("a"), 9, true, ""},
		{[]byte("a"), kv.After([]byte("a")), 9, false, "a"},
		{kv.After([]byte("a")), []byte("b"), 9, false, "a\x00|aa"},
		{[]byte("a"), kv.PrefixEnd([]byte("a")), 9, false, "a|a\x00|aa"},
		{[]byte("a"), kv.PrefixEnd([]byte("a")), 2, true, "aa|a\x00"},
		{[]byte("\xff"), kv.PrefixEnd([]byte("\xff")), 9, false, "\xff|\xff\xff"},
		{[]byte("c"), []byte("d"), 9, false, ""},
	} {
		var keys []string
		for _, e := range v.scan(test.from, test.to, test.limit, test.reverse) {
			keys = append(keys, string(e.Key))
			if string(e.Value) != "v"+string(e.Key) {
				t.Errorf("key %q has value %q", e.Key, e.Value)
			}
		}
		if got := strings.Join(keys, "|"); got != test.want {
			t.Errorf("Scan(%q, %q, %d, %v) = %q, want %q", test.from, test.to, test.limit, test.reverse, got, test.want)
		}
	}
	for _, limit := range []int{0, -1} {
		if _, err := v.Scan(context.Background(), nil, nil, limit, false); !errors.Is(err, kv.ErrInvalid) {
			t.Errorf("Scan with limit %d: %v, want ErrInvalid", limit, err)
		}
	}
}

// testSnapshots: a snapshot does not move, whatever is committed meanwhile.
func testSnapshots(t *testing.T, b Backend) {
	s := b.open(t)
	m := model{}
	type pair struct {
		v *view
		m model
	}
	pairs := []pair{{s.view(), m}}
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 12 {
		var batch kv.Batch
		for range 5 {
			batch.Put(randomKey(rng), []byte(fmt.Sprint("round ", i)))
			batch.Delete(randomKey(rng))
		}
		if i%4 == 3 {
			batch.DeleteRange(randomKey(rng), nil)
		}
		m, _ = m.commit(&batch)
		if err := s.Store.Commit(context.Background(), &batch); err != nil {
			t.Fatal(err)
		}
		if i%3 == 0 {
			pairs = append(pairs, pair{s.view(), m})
			pairs[len(pairs)-1].v.get("first read, so that a lazy snapshot is one now")
		}
	}
	pairs = append(pairs, pair{s.view(), m})
	for i := len(pairs) - 1; i >= 1; i-- {
		pairs[i].m.same(t, pairs[i].v)
		pairs[i].m.same(t, pairs[i].v)
	}
	for _, p := range pairs {
		if err := p.v.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := p.v.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
		if _, err := p.v.Get(context.Background(), []byte("a")); err == nil {
			t.Error("Get after Close of the reader has no error")
		}
	}
}

// testOwnership: what a reader returns belongs to the caller, and a committed
// batch keeps nothing of the caller's.
func testOwnership(t *testing.T, b Backend) {
	s := b.open(t)
	key, value := []byte("key"), []byte("value")
	var batch kv.Batch
	batch.Put(key, value)
	if err := s.Store.Commit(context.Background(), &batch); err != nil {
		t.Fatal(err)
	}
	copy(key, "xxx")
	copy(value, "xxxxx")
	v := s.view()
	got := v.get("key")
	if string(got[0]) != "value" {
		t.Fatalf("value is %q", got[0])
	}
	copy(got[0], "yyyyy")
	entries := v.all()
	copy(entries[0].Key, "zzz")
	copy(entries[0].Value, "zzzzz")
	if d := differ(v.all(), []kv.Entry{{Key: []byte("key"), Value: []byte("value")}}); d != "" {
		t.Fatal(d)
	}
	batch.Reset()
	batch.Put([]byte("other"), nil)
	if err := s.Store.Commit(context.Background(), &batch); err != nil {
		t.Fatalf("a batch used again: %v", err)
	}
}
