package pgkv

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
)

// What opening says about databases that were not set up for it: in one line,
// with what to mend, and without the password.
func TestOpenWhereItMayNot(t *testing.T) {
	server := pgtest.Start(t)
	for _, sql := range []string{
		"CREATE ROLE guest LOGIN",                                     // may make no tables: only owners may, since PostgreSQL 15
		"CREATE ROLE barred NOLOGIN",                                  // 28000
		"CREATE DATABASE shown",                                       //
		"ALTER DATABASE shown SET default_transaction_read_only = on", // as on a standby
	} {
		server.Exec(sql)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", server.Port)
	for _, c := range []struct {
		url  string
		want error
	}{
		{"postgres://barred:secret@" + addr + "/postgres", ErrLogin},
		{"postgres://guest:secret@" + addr + "/postgres", ErrNotAllowed},
		{"postgres://postgres:secret@" + addr + "/nowhere", ErrNoDatabase},
		{"postgres://postgres:secret@" + addr + "/shown", kv.ErrReadOnly},
		{"postgres://postgres:secret@" + addr + "/shown?sslmode=disable", kv.ErrReadOnly},
		{"postgres://postgres:secret@127.0.0.1:1,127.0.0.1:2/postgres", kv.ErrUnavailable},
	} {
		s, err := Open(background, c.url, Options{})
		if err == nil {
			s.Close()
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.url, err, c.want)
			continue
		}
		if text := err.Error(); strings.Contains(text, "\n") || strings.Contains(text, "secret") || strings.Contains(text, "TLS") {
			t.Errorf("%s: %s", c.url, text)
		}
	}
}
