package catalog

import (
	"testing"
	"time"
)

func TestSessionsAreKept(t *testing.T) {
	m := &memory{}
	c := open(t, m, Options{})
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	never := func(*Session) bool { return false }
	hash := func(n byte) [32]byte { return [32]byte{n} }
	for n := byte(1); n <= 3; n++ {
		if err := c.BeginSession(ctx, hash(n), Session{Began: at, Seen: at.Add(time.Duration(n) * time.Minute), Mark: []byte{n}}, never, 3); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.TouchSession(ctx, hash(1), at.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if s, err := c.Session(ctx, hash(1)); err != nil || s == nil || !s.Seen.Equal(at.Add(time.Hour)) || string(s.Mark) != "\x01" {
		t.Fatalf("%+v, %v", s, err)
	}
	// The one that was idle for longest makes room.
	if err := c.BeginSession(ctx, hash(4), Session{Began: at, Seen: at.Add(time.Hour)}, never, 3); err != nil {
		t.Fatal(err)
	}
	if s, err := c.Session(ctx, hash(2)); err != nil || s != nil {
		t.Errorf("%+v, %v", s, err)
	}
	// What has ended goes, and does not come back by being used.
	ended := func(s *Session) bool { return s.Seen.Before(at.Add(time.Hour)) }
	if err := c.BeginSession(ctx, hash(5), Session{Began: at, Seen: at.Add(time.Hour)}, ended, 10); err != nil {
		t.Fatal(err)
	}
	if err := c.EndSession(ctx, hash(4)); err != nil {
		t.Fatal(err)
	}
	for _, n := range []byte{3, 4} {
		if err := c.TouchSession(ctx, hash(n), at.Add(2*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if s, err := c.Session(ctx, hash(n)); err != nil || s != nil {
			t.Errorf("session %d: %+v, %v", n, s, err)
		}
	}
	// The rest of the catalog can be read with sessions in the store.
	open(t, m, Options{})
}

func TestAdminMarkChangesWithTheToken(t *testing.T) {
	c := open(t, &memory{}, Options{})
	if mark := c.AdminMark(ctx); mark != nil {
		t.Errorf("%x without a token", mark)
	}
	if _, err := c.BootstrapAdmin(ctx); err != nil {
		t.Fatal(err)
	}
	before := c.AdminMark(ctx)
	if _, err := c.RenewAdmin(ctx); err != nil {
		t.Fatal(err)
	}
	if after := c.AdminMark(ctx); len(before) == 0 || string(after) == string(before) {
		t.Errorf("%x, then %x", before, after)
	}
}
