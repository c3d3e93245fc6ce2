package pgkv

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
)

var schemas atomic.Int64

// fresh makes an empty schema and returns the URL of a store in it.
func fresh(s *pgtest.Server) string {
	name := fmt.Sprintf("t%d", schemas.Add(1))
	s.Exec("CREATE SCHEMA " + name)
	return s.URL("search_path=" + name)
}

func open(t testing.TB, url string) *Store {
	t.Helper()
	s, err := Open(context.Background(), url, Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	server := pgtest.Start(t)
	var urls sync.Map
	on := func(t testing.TB, url string) kv.Store {
		s := open(t, url)
		urls.Store(s, url)
		return s
	}
	url := func(s kv.Store) string {
		u, _ := urls.Load(s)
		return u.(string)
	}
	kvtest.Run(t, kvtest.Backend{
		Open: func(t testing.TB) kv.Store { return on(t, fresh(server)) },
		Reopen: func(t testing.TB, s kv.Store) kv.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return on(t, url(s))
		},
		Crash: func(t testing.TB, s kv.Store) kv.Store {
			server.Kill()
			server.Start()
			t.Cleanup(func() { s.Close() })
			return on(t, url(s))
		},
		Second: func(t testing.TB, s kv.Store) kv.Store { return on(t, url(s)) },
	})
}
