package e2e

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// Every command says in one sentence that another version of Selfsame wrote the
// store, and none works on it.
func TestStoreOfAnotherVersion(t *testing.T) {
	t.Parallel()
	s, db := newShared(t, binary(t))
	p := s.start(t)
	p.send(t, "dev", "/v1/track", trackOf("ruth", "m-1"))
	p.stop(t)
	const record = `key = '\x00736368656d61'`
	db.Exec("CREATE TABLE kept AS SELECT value FROM selfsame_kv WHERE " + record)
	for version, says := range map[string]string{"ffff03": "a newer version of Selfsame", "00": "an older version of Selfsame"} {
		db.Exec(`UPDATE selfsame_kv SET value = '\x` + version + `' WHERE ` + record)
		for _, command := range [][]string{
			{"serve", "--config", s.config, "--store", s.store, "--listen", "127.0.0.1:0"},
			{"verify", "--store", s.store},
			{"import", "--store", s.store, s.config},
			{"space", "list", "--store", s.store},
			{"copy", "--from", s.store, "--to", filepath.Join(t.TempDir(), "copy")},
		} {
			out, code := s.run(t, nil, command...)
			if code != 1 || !strings.Contains(out, says) || strings.Count(out, "\n") != 1 || strings.Contains(out, "went wrong") {
				t.Errorf("%s on %s: exit code %d\n%s", command[0], says, code, out)
			}
		}
	}
	db.Exec("UPDATE selfsame_kv SET value = (SELECT value FROM kept) WHERE " + record)
}

// While the database refuses the login of a running node, its requests are
// answered 503 with Retry-After, and it takes up by itself when it is let in.
func TestLoginRefusedLater(t *testing.T) {
	t.Parallel()
	s, db := newShared(t, binary(t))
	db.Exec("CREATE ROLE node LOGIN")
	db.Exec("CREATE DATABASE shared OWNER node")
	s.store = strings.Replace(strings.Replace(s.store, "//postgres@", "//node@", 1), "/postgres?", "/shared?", 1)
	p := s.start(t)
	p.send(t, "dev", "/v1/track", trackOf("ruth", "m-1"))
	for _, c := range []struct{ take, give string }{
		{"ALTER ROLE node NOLOGIN", "ALTER ROLE node LOGIN"},
		{"ALTER ROLE node CONNECTION LIMIT 0", "ALTER ROLE node CONNECTION LIMIT -1"},
	} {
		db.Exec(c.take)
		// Until the last one is gone: one that was told to go may answer once more.
		db.Exec(`DO $$ BEGIN
			WHILE EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'node') LOOP
				PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'node';
				PERFORM pg_stat_clear_snapshot();
			END LOOP;
		END $$`)
		for range 2 {
			for path, body := range map[string][]byte{"/v1/track": trackOf("ruth", "m-2"), "/v1/batch": batch(trackOf("ruth", "m-2"))} {
				if a := p.post(t, "dev", path, body); a.status != 503 || a.header.Get("Retry-After") == "" {
					t.Errorf("%s: POST %s is answered %d, Retry-After %q", c.take, path, a.status, a.header.Get("Retry-After"))
				}
			}
			req, err := http.NewRequest(http.MethodGet, p.URL("/v1/spaces/dev/collections/users/profiles/user_id:ruth/traits"), nil)
			if err != nil {
				t.Fatal(err)
			}
			req.SetBasicAuth(tokenOf("dev"), "")
			if a := do(t, req); a.status != 503 || a.header.Get("Retry-After") == "" {
				t.Errorf("%s: traits are answered %d, Retry-After %q", c.take, a.status, a.header.Get("Retry-After"))
			}
		}
		db.Exec(c.give)
		p.send(t, "dev", "/v1/track", trackOf("ruth", "m-2"))
	}
	if got := len(p.events(t, "dev", "user_id:ruth")); got != 2 {
		t.Errorf("%d events, want 2", got)
	}
	p.stop(t)
	s.verify(t)
}
