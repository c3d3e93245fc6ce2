package cli

import (
	"context"
	"strings"
	"testing"
)

// Every command that is given a password in an address says once that others can
// read it and how to avoid that, and repeats it nowhere.
func TestPasswordOnCommandLine(t *testing.T) {
	const url = "postgres://u:geheim@127.0.0.1:1/db?connect_timeout=1"
	for _, args := range [][]string{
		{"serve", "--store", url, "--listen", "127.0.0.1:0"},
		{"verify", "--store", url},
		{"profile", "--store", url, "user_id:u"},
		{"copy", "--from", url, "--to", t.TempDir()},
		{"copy", "--from", "postgres://127.0.0.1:1/db", "--to", url},
		{"verify", "--store", "postgres://u:ge%zzheim@h/db"},
		{"verify", "--data", url},
		{"copy", "--from", "postgres:u:geheim@h/db", "--to", t.TempDir()},
	} {
		w := &world{t: t, env: map[string]string{"HOME": t.TempDir()}}
		out, errs, code := w.start(context.Background(), "", args...)
		if code() == 0 {
			t.Errorf("%v: exit code 0", args)
		}
		said := strings.Count(errs.String(), "warning: everybody on this machine can read the password")
		if want := strings.Contains(strings.Join(args, " "), "--data") || strings.Contains(strings.Join(args, " "), "postgres:u:"); want == (said == 1) {
			t.Errorf("%v: warned %d times:\n%s", args, said, errs)
		}
		if text := out.String() + errs.String(); strings.Contains(text, "geheim") || strings.Contains(text, "heim@") {
			t.Errorf("%v: %s", args, text)
		}
	}
	w := &world{t: t, env: map[string]string{"SELFSAME_STORE": url}}
	_, errs, code := w.start(context.Background(), "", "serve", "--listen", "127.0.0.1:0")
	if code() == 0 || strings.Contains(errs.String(), "warning") {
		t.Errorf("a password in the environment: %s", errs)
	}
}
