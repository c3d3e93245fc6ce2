package catalog

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// clock is a time that a test moves.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ns.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.ns.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

func unknownOf(t *testing.T, c *Catalog) []UnknownKey {
	t.Helper()
	all, err := c.UnknownKeys(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestUnknownKeysAreKept(t *testing.T) {
	m, clk := &memory{}, newClock()
	c := open(t, m, Options{Now: clk.now})
	ios := Knock{Key: "wk_oldkeyoldkeyoldkey", Address: "203.0.113.7", SDK: "analytics-ios 4.1.0"}
	c.NoteUnknownKey(ios)
	clk.advance(time.Minute)
	c.NoteUnknownKey(ios)
	clk.advance(time.Minute)
	c.NoteUnknownKey(Knock{Address: "2001:db8::1", SDK: strings.Repeat("Mozilla/5.0 \x1b[31m", 1000)})

	check := func(all []UnknownKey) {
		t.Helper()
		if len(all) != 2 {
			t.Fatalf("%d records: %+v", len(all), all)
		}
		if none := all[0]; none.Key != "" || none.Address != "2001:db8::1" || none.Count != 1 || len(none.SDK) > mostSDK+len("…") || strings.ContainsRune(none.SDK, '\x1b') {
			t.Errorf("%+v", none)
		}
		if u := all[1]; u.Key != "wk_oldke" || u.SDK != ios.SDK || u.Count != 2 || u.Last.Sub(u.First) != time.Minute {
			t.Errorf("%+v", u)
		}
	}
	check(unknownOf(t, c))
	// It is there after a restart, and another node sees it and adds to it.
	if err := c.Close(ctx); err != nil {
		t.Fatal(err)
	}
	c = open(t, m, Options{Now: clk.now})
	check(unknownOf(t, c))
	other := open(t, m, Options{Now: clk.now})
	other.NoteUnknownKey(ios)
	c.NoteUnknownKey(ios)
	if err := errors.Join(other.Close(ctx), c.Close(ctx)); err != nil {
		t.Fatal(err)
	}
	all := unknownOf(t, open(t, m, Options{Now: clk.now}))
	if len(all) != 2 || all[0].Count+all[1].Count != 5 {
		t.Errorf("%+v", all)
	}

	c = open(t, m, Options{Now: clk.now})
	if err := c.ForgetUnknownKeys(ctx); err != nil {
		t.Fatal(err)
	}
	if all := unknownOf(t, c); len(all) != 0 {
		t.Errorf("after forgetting: %+v", all)
	}
	c.NoteUnknownKey(ios)
	clk.advance(unknownAge)
	if all := unknownOf(t, c); len(all) != 0 {
		t.Errorf("after 30 days: %+v", all)
	}
}

// Whoever guesses keys fills neither the memory nor the store, and does not push
// out others.
func TestUnknownKeysAreBounded(t *testing.T) {
	m, clk := &memory{}, newClock()
	c := open(t, m, Options{Now: clk.now})
	c.NoteUnknownKey(Knock{Key: "a shop's forgotten key", Address: "198.51.100.1", SDK: "shop 1"})
	writes := m.commits
	for i := range 20_000 {
		c.NoteUnknownKey(Knock{Key: fmt.Sprintf("%08d guess of a key", i), Address: "203.0.113.9"})
	}
	if n := m.commits - writes; n > 1 {
		t.Errorf("%d commits for requests with wrong keys", n)
	}
	all := unknownOf(t, c)
	if len(all) > mostUnknownIP+2 {
		t.Errorf("%d records of two addresses", len(all))
	}
	total, shop := int64(0), false
	for _, u := range all {
		total += u.Count
		shop = shop || u.SDK == "shop 1"
	}
	if total != 20_001 || !shop {
		t.Errorf("%d requests, the shop's is there: %v", total, shop)
	}
	for i := range 5000 {
		clk.advance(time.Millisecond)
		c.NoteUnknownKey(Knock{Key: "some key", Address: fmt.Sprintf("10.0.%d.%d", i/256, i%256)})
	}
	if n := len(c.unknown.pending); n > mostUnknown+1 {
		t.Errorf("%d records in memory", n)
	}
	if all := unknownOf(t, c); len(all) > mostUnknown {
		t.Errorf("%d records in the store", len(all))
	}
}

// What a store that fails could not take is not lost.
func TestUnknownKeysOfAFailingStore(t *testing.T) {
	m := &memory{}
	c := open(t, m, Options{})
	c.NoteUnknownKey(Knock{Key: "wk_abcdefghijkl", Address: "::1"})
	m.outcome = func(func() error) error { return kv.ErrUnavailable }
	if _, err := c.UnknownKeys(ctx); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	m.outcome = nil
	if all := unknownOf(t, c); len(all) != 1 || all[0].Count != 1 {
		t.Errorf("%+v", all)
	}
}

func TestRotateWithGrace(t *testing.T) {
	m, clk := &memory{}, newClock()
	c := open(t, m, Options{Now: clk.now})
	if _, err := c.CreateSpace(ctx, "dev", ""); err != nil {
		t.Fatal(err)
	}
	src, first, err := c.CreateSource(ctx, "ios", "", "dev")
	if err != nil || !src.KeyCreatedAt.Equal(clk.now()) {
		t.Fatal(src, err)
	}
	clk.advance(24 * time.Hour)
	src, second, err := c.RotateKey(ctx, "dev", "ios", 30*24*time.Hour)
	if err != nil || len(src.FormerKeys) != 1 || !src.KeyCreatedAt.Equal(clk.now()) {
		t.Fatal(src, err)
	}
	if old := src.FormerKeys[0]; old.Prefix != first[:6] || !old.Until.Equal(clk.now().Add(30*24*time.Hour)) || old.RotatedAt.Sub(old.CreatedAt) != 24*time.Hour {
		t.Errorf("%+v", old)
	}
	taken := func(c *Catalog, key string) bool {
		src, ok := sourceBy(c, key)
		return ok && src.ID == "ios"
	}
	clk.advance(30*24*time.Hour - time.Second)
	if !taken(c, first) || !taken(c, second) || !taken(open(t, m, Options{Now: clk.now}), first) {
		t.Error("a key is refused within the grace")
	}
	clk.advance(time.Second)
	if taken(c, first) || !taken(c, second) {
		t.Error("the old key is taken after the grace")
	}
	// Whoever still sends it is told apart from those who guess.
	c.NoteUnknownKey(Knock{Key: first, Address: "::1"})
	if all := unknownOf(t, c); len(all) != 1 || all[0].Source != "ios" || all[0].Space != "dev" || all[0].Retired == nil {
		t.Errorf("%+v", all)
	}

	// A grace can be ended.
	if _, _, err = c.RotateKey(ctx, "dev", "ios", time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := c.RetireKeys(ctx, "dev", "ios"); err != nil || taken(c, second) {
		t.Errorf("after retiring: %v", err)
	}
	for range mostFormer - 1 {
		if _, _, err = c.RotateKey(ctx, "dev", "ios", time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err = c.RotateKey(ctx, "dev", "ios", time.Hour)
	if err != nil {
		t.Errorf("a key that is long refused stands in the way: %v", err)
	}
	if _, _, err = c.RotateKey(ctx, "dev", "ios", time.Hour); !errors.Is(err, ErrInvalid) {
		t.Errorf("an eleventh old key: %v", err)
	}
	for _, grace := range []time.Duration{-1, MostGrace + 1} {
		if _, _, err := c.RotateKey(ctx, "dev", "ios", grace); !errors.Is(err, ErrInvalid) {
			t.Errorf("grace %s: %v", grace, err)
		}
	}
}
