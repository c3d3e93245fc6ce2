package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/api"
)

// explained imports Jane, and a kiosk that two people used.
func explained(t *testing.T) (*world, string) {
	t.Helper()
	w := &world{t: t}
	dir := t.TempDir()
	data, kiosk := filepath.Join(dir, "data"), filepath.Join(dir, "kiosk.ndjson")
	err := os.WriteFile(kiosk, []byte(`{"type":"track","event":"Opened","messageId":"k1","timestamp":"2020-01-01T00:00:00Z","userId":"ann","context":{"device":{"type":"ios","id":"kiosk"},"page":{"url":"https://shop.example.com/x"}}}
{"type":"track","event":"Opened","messageId":"k2","timestamp":"2020-01-01T01:00:00Z","userId":"bob","context":{"device":{"type":"ios","id":"kiosk"}}}
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	w.run(0, "import", "--data", data, "--config", settings, jane, kiosk)
	return w, data
}

func TestExplain(t *testing.T) {
	w, data := explained(t)
	out, _ := w.run(0, "explain", "--data", data, "ios.id:ios_abc123", "anonymous_id:anon_789")
	chain := out[strings.Index(out, "\n  ios.id")+1:]
	want := `  ios.id:ios_abc123
   │  2 events, SegKicks, from segkicks, 2019-11-15 14:08:44 – 14:10:02 UTC
  user_id:abc123def
   │  13 events, SegRuns, from segkicks, 2019-11-16 18:01:00 – 2019-12-20 07:21:00 UTC
  anonymous_id:anon_789

If they are not: selfsame undo cut ios.id:ios_abc123 anonymous_id:anon_789
`
	if chain != want {
		t.Errorf("the chain is\n%s\nwant\n%s", chain, want)
	}
	w.contains(out, "are the same person")

	out, _ = w.run(0, "explain", "--data", data, "user_id:bob", "user_id:ann")
	w.contains(out, "user_id:bob and user_id:ann were linked, but kept apart at 1 place.", "   ╳  1 event, from segkicks, 2020-01-01 01:00:00 UTC",
		"ios.id:kiosk was left out at 2020-01-01 01:00:00 UTC: a profile may have 1\n      user_id ever. It had user_id:bob", "   │  1 event, shop.example.com")
	out, _ = w.run(0, "explain", "--data", data, "user_id:bob", "user_id:abc123def")
	w.contains(out, "Nothing ever linked user_id:bob and user_id:abc123def: no chain of events leads")
	out, _ = w.run(0, "explain", "--data", data, "user_id:bob", "user_id:null")
	w.contains(out, "user_id:null names nobody")
	out, _ = w.run(0, "explain", "--data", data, "user_id:bob", "user_id:ann", "--format", "dot")
	w.contains(out, "graph selfsame {", `"user_id:bob" -- "ios.id:kiosk"`, "style=dashed")
	out, _ = w.run(0, "explain", "--data", data, "user_id:bob", "user_id:ann", "--json")
	var e api.Explanation
	if err := json.Unmarshal([]byte(out), &e); err != nil || e.Why != "kept_apart" || len(e.Steps) != 2 {
		t.Errorf("%v: %s", err, out)
	}

	out, _ = w.run(0, "explain", "--data", data, "user_id:abc123def")
	w.contains(out, "5 steps, from 8 sets of identifiers seen together", "2019-11-15 14:00:05 UTC  created  anonymous_id:anon_123, ios.id:ios_abc123 as",
		"2019-11-16 08:31:10 UTC  merged   use_", "identify, SegKicks, from segkicks, jane-011", "--event jane-011")
	out, _ = w.run(0, "explain", "--data", data, "user_id:bob")
	w.contains(out, "left out ios.id:kiosk beside user_id:bob: identifier\n", "(at most 1 user_id ever)")
	out, _ = w.run(0, "explain", "--data", data, "user_id:abc123def", "--steps", "2")
	w.contains(out, "3 steps more")
	out, _ = w.run(0, "explain", "--data", data, "user_id:abc123def", "--format", "dot")
	w.contains(out, `"anonymous_id:anon_123" -- "user_id:abc123def" [label="jane-008"]`)

	for want, args := range map[string][]string{
		"no event of this space has the ID user_id:zoe": {"user_id:bob", "user_id:zoe"},
		"no profile of this space ever had the ID use_": {"use_x"},
	} {
		_, errs := w.run(1, append([]string{"explain", "--data", data}, args...)...)
		w.contains(errs, want)
	}
	for want, args := range map[string][]string{
		"name one identifier, or two": {},
		"more are explained":          {"a:1", "a:2", "a:3"},
		`"jane" is not an identifier`: {"jane"},
		`--format is "png"`:           {"a:1", "--format", "png"},
		"--steps is 0; choose 1 to":   {"a:1", "--steps", "0"},
		"unknown flag: --as-of":       {"a:1", "--as-of", "2019-01-01"},
	} {
		_, errs := w.run(2, append([]string{"explain", "--data", data}, args...)...)
		w.contains(errs, want)
	}
}

func TestProfileAsOf(t *testing.T) {
	w, data := explained(t)
	out, _ := w.run(0, "profile", "--data", data, "ios.id:ios_abc123", "--as-of", "2019-11-15T14:05:00Z", "--events", "2")
	w.contains(out, "6 events, 2 identifiers, seen from 2019-11-15 14:00:05 UTC to 2019-11-15 14:03:30", "As of 2019-11-15 14:05:00", "Last 2 of 6 events")
	if strings.Contains(out, "Jane") {
		t.Errorf("nobody knew then who she was:\n%s", out)
	}
	out, _ = w.run(0, "profile", "--data", data, "ios.id:ios_abc123", "--as-of", "2100-01-01")
	w.contains(out, "Jane Doe", "26 events, 7 identifiers")
	_, errs := w.run(1, "profile", "--data", data, "ios.id:ios_abc123", "--as-of", "2019-11-15")
	w.contains(errs, "its first event is from 2019-11-15T14:00:05Z")
	for _, when := range []string{"yesterday", ""} {
		_, errs := w.run(2, "profile", "--data", data, "ios.id:ios_abc123", "--as-of", when)
		w.contains(errs, "write a time like")
	}
}

func TestFold(t *testing.T) {
	for _, c := range [][3]string{
		{"", "", ""},
		{"one two three", "", "one two\nthree"},
		{"one two three", "  ", "one two\n  three"},
		{"averyverylongword two", "  ", "averyverylongword\n  two"},
	} {
		if got := terminal.Fold(c[0], 9, c[1]); got != c[2] {
			t.Errorf("%q folds to %q, want %q", c[0], got, c[2])
		}
	}
}
