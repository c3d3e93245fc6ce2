package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/safetext"
)

// evil is text as nobody sends it by mistake: it turns what follows around,
// clears the terminal, sets its title, begins new lines and hides.
const evil = "e\u202evil\u2066\x1b[2J\x1b]0;x\x07\u009b31m\u200b\u200f\r\nfake: line\x7f\U000e0041"

// leaves lists the commands that do something, by their names.
func leaves(cmd *cobra.Command) map[string]*cobra.Command {
	out := map[string]*cobra.Command{}
	for _, sub := range cmd.Commands() {
		if sub.Hidden || sub.Name() == "help" || sub.Name() == "completion" {
			continue
		}
		name := strings.TrimPrefix(sub.CommandPath(), "selfsame ")
		if len(sub.Commands()) > 0 {
			for n, leaf := range leaves(sub) {
				out[n] = leaf
			}
			if sub.Args != nil && sub.Flags().Lookup("server") == nil {
				continue // a group by itself says what it has
			}
		}
		out[name] = sub
	}
	return out
}

func TestEveryCommandPrintsForPrograms(t *testing.T) {
	w := &world{t: t}
	sh := &shell{out: &terminal.Screen{Out: &buffer{}}, err: &terminal.Screen{Out: &buffer{}}, env: func(string) (string, bool) { return "", false }}
	// The feed and exports are data as they are; the others answer nothing.
	plain := []string{"serve", "feed", "copy", "token delete", "source delete", "source retire",
		"export profiles", "export members", "export events", "export identifiers", "export definitions"}
	found := leaves(sh.root())
	for name, cmd := range found {
		if has := cmd.Flags().Lookup("json") != nil; has == slices.Contains(plain, name) && name != "import" && name != "space delete" {
			t.Errorf("%s: --json is there: %v", name, has)
		}
	}
	if len(found) < 30 {
		t.Errorf("only %d commands: %v", len(found), found)
	}

	data := filepath.Join(t.TempDir(), "data")
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(rules, []byte("identifiers: [{type: user_id, limit: 1}, {type: cookie, limit: 5}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	read := func(want string, args ...string) {
		t.Helper()
		out, _ := w.run(0, args...)
		var v any
		if err := json.Unmarshal([]byte(out), &v); err != nil {
			t.Errorf("%v prints no JSON: %v\n%s", args, err, out)
		}
		if !strings.Contains(out, want) {
			t.Errorf("%v: no %s in\n%s", args, want, out)
		}
	}
	read(`"id": "shop"`, "space", "create", "shop", "--json", "--data", data)
	read(`"write_key": "wk_`, "source", "create", "web", "--json", "--data", data)
	read(`"token": "tok_`, "token", "create", "back", "--json", "--data", data)
	read(`"admin_token": "adm_`, "token", "admin", "--json", "--data", data)
	read(`"effective": {`, "rules", "check", rules, "--json")
	read(`"version": 1`, "rules", "set", rules, "--json", "--data", data)
	read(`"type": "cookie"`, "rules", "show", "1", "--json", "--data", data)
	read(`"version": 2`, "rules", "rollback", "1", "--json", "--data", data)
	read(`"arch": "`, "version", "--json")
	for _, list := range []string{"rejects", "rejects counts", "warnings", "insights", "undo list", "duplicates"} {
		read("[]", append(strings.Fields(list), "--json", "--data", data)...)
	}
	out, _ := w.run(0, "--version")
	if plain, _ := w.run(0, "version"); out != plain {
		t.Errorf("--version says %q, version %q", out, plain)
	}
}

// Wrong values are errors of the command line wherever they are found.
func TestWrongValuesAreUsage(t *testing.T) {
	w := &world{t: t}
	data := filepath.Join(t.TempDir(), "data")
	w.run(0, "import", "--data", data, "--config", settings, jane)
	for _, args := range [][]string{
		{"insights", "--since", "2026-13-45"}, {"insights", "--until", "soon"}, {"insights", "--kind", "born"}, {"insights", "--id", ":x"},
		{"insights", "counts", "--since", "1x"}, {"insights", "counts", "--since", "2020-01-01"}, {"insights", "counts", "--since", "1h", "--until", "2h"},
		{"profile", "user_id:abc123def", "--as-of", "yesterday"}, {"profile", "user_id:abc123def", "--as-of", ""},
		{"warnings", "--state", "shut"}, {"rules", "show", "x"}, {"rules", "rollback", "-1"}, {"feed", "--after", "x"}, {"undo", "cut", "a", "b", "--dry-run"},
	} {
		_, errs := w.run(2, append(args, "--data", data)...)
		if !strings.Contains(errs, "error: ") {
			t.Errorf("%v: %s", args, errs)
		}
	}
}

// Whatever was sent, no command prints what a terminal would obey or hide.
func TestEveryCommandIsSafeFromData(t *testing.T) {
	w := &world{t: t, env: map[string]string{"USER": "ann" + evil}}
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	quoted, err := json.Marshal(evil)
	if err != nil {
		t.Fatal(err)
	}
	e := strings.Trim(string(quoted), `"`)
	lines := strings.ReplaceAll(`{"type":"identify","messageId":"m1EVIL","userId":"uEVILu","anonymousId":"aEVILa","timestamp":"2020-01-01T00:00:00Z","traits":{"nameEVIL":"xEVIL","email":"eEVIL@x.de","list":["EVIL"]},"context":{"app":{"name":"appEVIL"},"externalIds":[{"type":"tEVILt","id":"vEVILv","collection":"users","encoding":"none"}]}}
{"type":"track","event":"evEVIL","messageId":"m2EVIL","anonymousId":"aEVILa","timestamp":"2020-01-02T00:00:00Z","properties":{"pEVIL":"EVIL"},"context":{"page":{"url":"https://x.de/EVIL"}}}
{"type":"track","event":"ev","messageId":"m3","userId":"bobEVILb","anonymousId":"aEVILa","timestamp":"2020-01-03T00:00:00Z"}
{"type":"track","event":"ev","messageId":"m4","anonymousId":"bEVILb","timestamp":"2020-01-04T00:00:00Z"}
{"type":"identify","messageId":"m5EVIL","userId":"uEVILu","anonymousId":"bEVILb","timestamp":"2020-01-05T00:00:00Z"}
{"type":"track","messageId":"EVIL","userId":"EVIL"}
{"type":"track","event":"ev","messageId":"m6EVIL","userId":"null"}
`, "EVIL", e)
	file := filepath.Join(dir, "f\u202eile.ndjson")
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	rules := filepath.Join(dir, "rules.yaml")
	text := `identifiers: [{type: user_id, limit: 1, blocked: ["x\u202e\u001b[2J\r\nfake: line"]}, {type: "card", key: "k` + "\u202e" + `", limit: 2}]` + "\n"
	if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}

	definitions := filepath.Join(dir, "definitions.yaml")
	text = `traits: {orders: {kind: count, event: "x\u202e\u001b[2J\r\nfake: line", name: "x\u202e\u001b[2J\r\nfake: line"}}
audiences: {buyers: {when: traits.orders >= 0, description: "x\u202e\u001b[2J\r\nfake: line"}}
`
	if err := os.WriteFile(definitions, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(dir, "wrong.yaml")
	text = `traits: {orders: {kind: "x\u202e\u001b[2J\r\nfake: line", "k\u202e": 1}}` + "\n"
	if err := os.WriteFile(wrong, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}

	tried := map[string]bool{}
	try := func(codes []int, name string, args ...string) string {
		t.Helper()
		tried[name] = true
		all := strings.Fields(name)
		if name != "rules check" && name != "version" && name != "copy" && !slices.Contains(args, "--data") {
			all = append(all, "--data", data)
		}
		o, errs, code := w.start(t.Context(), "", append(all, args...)...)
		if got := code(); !slices.Contains(codes, got) {
			t.Errorf("%s %q: exit code %d\n%s%s", name, args, got, o, errs)
		}
		for _, out := range []string{o.String(), errs.String()} {
			if safetext.Hidden(out) || strings.Contains(out, "\r") {
				t.Errorf("%s %q prints %q", name, args, out)
			}
			for line := range strings.Lines(out) {
				if strings.HasPrefix(line, "fake: line") {
					t.Errorf("%s %q prints a line of the data's own:\n%s", name, args, out)
				}
			}
		}
		return o.String()
	}
	good, any := []int{0}, []int{0, 1, 2}
	who := "user_id:u" + evil + "u"
	try(any, "import", file, "--config", settings, "--source", "segkicks")
	for _, format := range [][]string{nil, {"--json"}} {
		with := func(args ...string) []string { return append(args, format...) }
		try(good, "profile", with("anonymous_id:b"+evil+"b")...)
		try(any, "profile", with("user_id:none"+evil)...)
		try(any, "profile", with(who, "--as-of", "2020-01-01T12:00:00Z")...)
		try(good, "explain", with("anonymous_id:a"+evil+"a", "anonymous_id:b"+evil+"b")...)
		try(good, "explain", with("user_id:bob"+evil+"b", who)...)
		try(good, "explain", with(who)...)
		try(any, "explain", with("user_id:none"+evil, who)...)
		try(good, "insights", with("--limit", "100")...)
		try(any, "insights", with("--kind", "born"+evil)...)
		try(good, "insights counts", format...)
		try(good, "warnings", format...)
		try(any, "warnings dismiss", with("00"+evil)...)
		try(good, "rejects", format...)
		try(good, "rejects counts", format...)
		try(good, "duplicates", with()...)
		try(any, "duplicates", with("--kind", "x"+evil)...)
		try(any, "duplicates confirm", with("dup"+evil, "--dry-run")...)
		try(any, "duplicates dismiss", with("dup"+evil)...)
		try(any, "duplicates restore", with("dup"+evil)...)
		try(good, "same", with("anonymous_id:a"+evil+"a", "anonymous_id:b"+evil+"b", "--dry-run", "--why", evil)...)
		try(good, "undo cut", with("anonymous_id:a"+evil+"a", "anonymous_id:b"+evil+"b", "--dry-run", "--why", evil)...)
		try(good, "undo isolate", with("anonymous_id:a"+evil+"a", "--dry-run")...)
		try(any, "undo split", with(who, "--event", "m5"+evil, "--dry-run")...)
		try(any, "undo drop", with("anonymous_id:a"+evil+"a", "--strand", strings.Repeat("0", 32), "--dry-run")...)
		try(any, "undo revert", with("ovr"+evil)...)
		try(good, "apply", with("--file", definitions, "--yes", "--why", evil)...)
		try(any, "apply", with("--file", wrong, "--yes")...)
		try(good, "traits", format...)
		try(good, "traits list", format...)
		try(any, "traits create", with("x"+evil, "--event", evil, "--kind", "count", "--yes")...)
		try(good, "traits create", with("evil", "--event", evil, "--kind", "count", "--name", evil, "--replace", "--dry-run")...)
		try(any, "traits delete", with("x"+evil, "--yes")...)
		try(good, "audiences list", format...)
		try(any, "audiences create", with("evil", "--when", evil, "--yes")...)
		try(any, "audiences preview", with("evil"+evil, "--when", evil)...)
		try(any, "audiences delete", with("x"+evil, "--yes")...)
		try(good, "traits show", with("orders")...)
		try(any, "traits show", with("x"+evil)...)
		try(good, "audiences", format...)
		try(good, "audiences show", with("buyers")...)
		try(good, "audiences members", with("buyers")...)
		try(good, "find", with("ev")...)
		try(any, "find", with("x"+evil+":y"+evil)...)
		try(good, "simulate", with("--rules", rules)...)
		try(good, "verify", format...)
		try(good, "rules", format...)
		try(good, "rules check", with(rules)...)
		try(any, "rules show", with("1"+evil)...)
		try(any, "space create", with("x"+evil, "--name", evil)...)
		try(any, "source create", with("x"+evil, "--name", evil)...)
		try(any, "token create", with("x"+evil)...)
		try(good, "space list", format...)
		try(good, "source list", format...)
		try(good, "token list", format...)
		try(good, "version", format...)
		try(good, "destinations", format...)
		try(good, "destinations list", format...)
		try(any, "destinations create", with("x"+evil, "--file", wrong, "--yes")...)
		try(any, "destinations delete", with("x"+evil, "--yes")...)
		try(any, "destinations show", with("x"+evil)...)
		try(any, "destinations deliveries", with("x"+evil, "--dead")...)
		try(any, "destinations retry", with("x"+evil, "1")...)
		try(any, "destinations discard", with("x"+evil, "1")...)
		try(any, "destinations preview", with("x"+evil)...)
		try(any, "destinations test", with("x"+evil, "--to", evil)...)
		try(any, "destinations enable", with("x"+evil)...)
	}
	try(good, "explain", who, "--format", "dot")
	// Exports are data, word for word; what is said beside them is not.
	for _, kind := range []string{"profiles", "events", "identifiers", "members"} {
		args := []string{"--output", filepath.Join(dir, kind+evil[:4]+".csv"), "--format", "csv"}
		if kind == "members" {
			args = append(args, "--audience", "buyers")
		}
		try(good, "export "+kind, args...)
	}
	try(good, "export definitions")
	try(any, "export profiles", "--where", evil)
	try(good, "feed")
	try(any, "feed", "--after", evil)
	shown := try(good, "rejects", "--json")
	var list []api.Reject
	if err := json.Unmarshal([]byte(shown), &list); err != nil || len(list) == 0 {
		t.Fatal(err, shown)
	}
	// The ID may be shortened, as the help does.
	if out := try(good, "rejects show", list[0].ID[:18]); !strings.Contains(out, list[0].ID) {
		t.Errorf("a short ID shows\n%s", out)
	}
	try(any, "rejects show", evil)
	try(any, "rejects resend", list[0].ID, "--why", evil)
	try(good, "space create", "spare")
	try(good, "source create", "s", "--space", "dev")
	try(good, "source rotate", "s", "--space", "dev", "--grace", "1h")
	try(any, "source retire", "s"+evil, "--space", "dev", "--yes")
	try(any, "source delete", "s"+evil, "--space", "dev", "--yes")
	try(any, "source unknown-keys")
	try(any, "token delete", evil, "--space", "dev")
	try(any, "token admin")
	try(good, "rules set", rules, "--space", "spare", "--why", evil)
	if out := try(good, "rules", "--space", "spare"); !strings.Contains(out, `\u202E`) {
		t.Errorf("the rules lost a character:\n%s", out)
	}
	try(good, "rules log", "--space", "spare")
	try(good, "rules show", "1", "--space", "spare")
	try(good, "rules rollback", "1", "--space", "spare", "--why", evil)
	try(any, "rules copy", "--from", "spare"+evil, "--space", "dev")
	try(good, "undo cut", "anonymous_id:a"+evil+"a", "anonymous_id:b"+evil+"b", "--yes", "--why", evil, "--space", "dev")
	try(good, "undo list", "--space", "dev")
	try(good, "audit", "--space", "dev")
	try(good, "audit", "--space", "dev", "--json")
	try(good, "space list")
	try(good, "source list", "--space", "dev")
	try(any, "space delete", "spare"+evil, "--yes")
	try(good, "space delete", "spare", "--preview")
	try(good, "space delete", "spare", "--yes")
	try(good, "space list")
	try(any, "copy", "--from", data, "--to", filepath.Join(dir, "to"))
	try(any, "copy", "--from", evil, "--to", "x")
	tried["serve"] = true // its log quotes, see internal/app

	sh := &shell{out: &terminal.Screen{Out: &buffer{}}, err: &terminal.Screen{Out: &buffer{}}, env: func(string) (string, bool) { return "", false }}
	for name := range leaves(sh.root()) {
		if !tried[name] {
			t.Errorf("%s is not tried here", name)
		}
	}
}
