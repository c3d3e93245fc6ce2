package pgtest

import (
	"fmt"
	"testing"
)

// Standby starts a streaming standby of s, to which s replicates
// synchronously from then on: a commit returns when the standby has it too.
func (s *Server) Standby(tb testing.TB) *Server {
	tb.Helper()
	r := newServer(tb)
	r.program("pg_basebackup", "-D", r.data, "-R", "-X", "stream", "--no-sync", "-c", "fast",
		"-d", fmt.Sprintf("host=127.0.0.1 port=%d user=postgres application_name=standby", s.Port))
	r.Start()
	s.Configure("synchronous_standby_names=standby", "synchronous_commit=on")
	s.Reload()
	return r
}

// Promote makes a standby a primary of its own.
func (s *Server) Promote() {
	s.tb.Helper()
	// Its settings were copied from the old primary: it has no standby to wait for.
	s.Configure("synchronous_standby_names=")
	s.Reload()
	s.Exec("SELECT pg_promote(true, 30)")
}
