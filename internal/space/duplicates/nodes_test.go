package duplicates_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv/pgkv"
	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/duplicates"
	"github.com/selfsame-id/selfsame/internal/space/rules"
)

// Of several nodes one looks for duplicates, all list what it found, and another one
// goes on where it ended.
func TestOneNodeSearches(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	quiet := slog.New(slog.DiscardHandler)
	var nodes []*shop
	for n := range 2 {
		store, err := pgkv.Open(t.Context(), pgtest.URL(fmt.Sprint("127.0.0.1:", server.Port)), pgkv.Options{Logger: quiet, PoolSize: 4})
		if err != nil {
			t.Fatal(err)
		}
		s, err := space.Open(t.Context(), store, space.Config{ID: "shop", Log: quiet, CacheBytes: 4 << 20, ApplyRules: rules.Apply})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := errors.Join(s.Close(context.Background()), store.Close()); err != nil {
				t.Error(err)
			}
		})
		nodes = append(nodes, &shop{t: t, Space: s, d: duplicates.New(s, duplicates.Config{}), n: n * 500})
	}
	var wg sync.WaitGroup
	for n, s := range nodes {
		wg.Go(func() {
			for i := range 20 {
				s.says(fmt.Sprintf(`user_id:n%d-%d {"phone":"+417912345%02d"}`, n, i, i))
			}
		})
	}
	wg.Wait()
	nodes[0].read()
	if _, err := nodes[1].d.Pass(t.Context(), time.Now().Add(time.Minute)); !errors.Is(err, lease.ErrHeld) {
		t.Errorf("the other node searches too: %v", err)
	}
	count := func(s *shop, dismissed bool) int {
		p, err := s.d.Duplicates(t.Context(), duplicates.Query{Limit: 100, Dismissed: dismissed})
		if err != nil {
			t.Fatal(err)
		}
		return len(p.Suggestions)
	}
	if a, b := count(nodes[0], false), count(nodes[1], false); a != 20 || b != 20 {
		t.Errorf("%d and %d suggestions, want 20", a, b)
	}

	// Both dismiss the same at once.
	p, err := nodes[0].d.Duplicates(t.Context(), duplicates.Query{Limit: 5})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range nodes {
		wg.Go(func() {
			for _, one := range p.Suggestions {
				if done, err := s.d.DismissDuplicate(t.Context(), one.ID); err != nil || done.Dismissed == nil {
					t.Errorf("%+v, %v", done, err)
				}
			}
		})
	}
	wg.Wait()
	if n := count(nodes[1], true); n != 5 {
		t.Errorf("%d are dismissed, want 5", n)
	}
	if err := nodes[0].d.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	nodes[0].says(`user_id:n0-0 {"phone":null}`)
	for deadline := time.Now().Add(2 * lease.Duration); ; time.Sleep(100 * time.Millisecond) {
		_, err := nodes[1].d.Pass(t.Context(), time.Now().Add(time.Minute))
		if err == nil {
			break
		}
		if !errors.Is(err, lease.ErrHeld) || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	if n := count(nodes[1], false) + count(nodes[1], true); n != 19 {
		t.Errorf("%d suggestions, want 19", n)
	}
}
