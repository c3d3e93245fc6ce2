package pgkv

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
)

// A database that keeps an open store out is one that is not available: callers
// try again, nothing was written, and the log says once what there is to mend.
func TestKeptOutLater(t *testing.T) {
	server := pgtest.Start(t)
	server.Exec("CREATE ROLE node LOGIN PASSWORD 'hidden'")
	server.Exec("CREATE DATABASE shared OWNER node")
	url := fmt.Sprintf("postgres://node:hidden@127.0.0.1:%d/shared?sslmode=disable", server.Port)
	cut := "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = 'node'" // waits for the end
	for _, c := range []struct{ name, take, give string }{
		{"login", "ALTER ROLE node NOLOGIN", "ALTER ROLE node LOGIN"},
		{"connections", "ALTER ROLE node CONNECTION LIMIT 0", "ALTER ROLE node CONNECTION LIMIT -1"},
		{"database", "ALTER DATABASE shared RENAME TO elsewhere", "ALTER DATABASE elsewhere RENAME TO shared"},
		{"connect", "ALTER DATABASE shared ALLOW_CONNECTIONS false", "ALTER DATABASE shared ALLOW_CONNECTIONS true"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log strings.Builder
			s, err := Open(background, url, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			var b kv.Batch
			b.Put([]byte("k"), []byte(c.name))
			if err := s.Commit(background, &b); err != nil {
				t.Fatal(err)
			}
			server.Exec(cut)
			server.Exec(c.take)
			for range 3 {
				b.Reset()
				b.Put([]byte("k"), []byte("not written"))
				if err := s.Commit(background, &b); !errors.Is(err, kv.ErrUnavailable) && !errors.Is(err, kv.ErrUnknown) {
					t.Errorf("Commit: %v, want ErrUnavailable", err)
				}
			}
			r, err := s.Snapshot(background)
			if err == nil {
				_, err = r.Get(background, []byte("k"))
				r.Close()
			}
			if !errors.Is(err, kv.ErrUnavailable) || strings.Contains(err.Error(), "hidden") {
				t.Errorf("Get: %v, want ErrUnavailable", err)
			}
			server.Exec(c.give)
			b.Reset()
			b.Put([]byte("k2"), nil)
			if err := s.Commit(background, &b); err != nil {
				t.Errorf("when it is mended: %v", err)
			}
			if got := string(get(t, s, "k")); got != c.name {
				t.Errorf("the store has %q, want %q", got, c.name)
			}
			said := strings.Count(log.String(), "refuses what it allowed before")
			if want := c.name != "connections"; said > 1 || want != (said == 1) || strings.Contains(log.String(), "hidden") {
				t.Errorf("the log says:\n%s", log.String())
			}
		})
	}
}
