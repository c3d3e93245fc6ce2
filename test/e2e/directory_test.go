package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Without the files that name its data, no command opens a data directory, none
// changes it, and each says what is missing and what to do. With them, all of
// the data is back.
func TestMissingFileNeverCostsData(t *testing.T) {
	t.Parallel()
	s := newSite(t, binary(t))
	p := s.start(t)
	p.send(t, "dev", "/v1/batch", batch(trackOf("ruth", "m-1"), trackOf("ruth", "m-2")))
	p.stop(t)
	store := filepath.Join(s.data, "store")
	for _, pattern := range []string{"marker.manifest.*", "MANIFEST-*"} {
		found, err := filepath.Glob(filepath.Join(store, pattern))
		if err != nil || len(found) == 0 {
			t.Fatal(found, err)
		}
		kept := map[string][]byte{}
		for _, path := range found {
			if kept[path], err = os.ReadFile(path); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
		for _, command := range [][]string{
			{"serve", "--config", s.config, "--data", s.data, "--listen", "127.0.0.1:0"},
			{"verify", "--data", s.data},
			{"import", "--data", s.data, s.config},
			{"profile", "--data", s.data, "user_id:ruth"},
			{"copy", "--from", s.data, "--to", filepath.Join(t.TempDir(), "copy")},
		} {
			out, code := s.run(t, nil, command...)
			name := strings.TrimRight(pattern, "-*.")
			if code != 1 || !strings.Contains(out, name) || !strings.Contains(out, "missing") || !strings.Contains(out, "nothing was changed") || !strings.Contains(out, "backup") {
				t.Errorf("%s without %s: exit code %d\n%s", command[0], pattern, code, out)
			}
		}
		for path, text := range kept {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s.verify(t)
	}
	p = s.start(t)
	if got := len(p.events(t, "dev", "user_id:ruth")); got != 2 {
		t.Errorf("%d events, want 2", got)
	}
	// A server is protected from a second one although its lock file is gone.
	if err := os.Remove(filepath.Join(store, "LOCK")); err != nil {
		t.Fatal(err)
	}
	out, code := s.run(t, nil, "serve", "--config", s.config, "--data", s.data, "--listen", "127.0.0.1:0")
	if code != 1 || !strings.Contains(out, "in use") {
		t.Errorf("a second server: exit code %d\n%s", code, out)
	}
	p.send(t, "dev", "/v1/batch", batch(trackOf("ruth", "m-3")))
	p.Kill()
	p = s.start(t)
	if got := len(p.events(t, "dev", "user_id:ruth")); got != 3 {
		t.Errorf("%d events, want 3", got)
	}
	p.stop(t)
	s.verify(t)
	_ = filepath.WalkDir(s.data, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			t.Fatal(err)
		}
		if info, err := d.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s can be read by others: %v, %v", path, info.Mode(), err)
		}
		return nil
	})
}
