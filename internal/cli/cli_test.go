package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/show"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	jane     = "../../examples/jane.ndjson"
	settings = "../../examples/selfsame.yaml"
)

// world runs commands as a person without a terminal does.
type world struct {
	t   *testing.T
	env map[string]string
}

// buffer is written by a server and read by a test at one time.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func (w *world) start(ctx context.Context, stdin string, args ...string) (out, errs *buffer, code func() int) {
	out, errs = &buffer{}, &buffer{}
	sh := &shell{in: strings.NewReader(stdin), out: &terminal.Screen{Out: out}, err: &terminal.Screen{Out: errs},
		env: func(name string) (string, bool) { v, ok := w.env[name]; return v, ok }}
	done := make(chan int, 1)
	go func() { done <- sh.run(ctx, args) }()
	return out, errs, func() int {
		select {
		case c := <-done:
			return c
		case <-time.After(2 * time.Minute):
			w.t.Fatalf("%v does not end\n%s%s", args, out, errs)
			return -1
		}
	}
}

// run expects an exit code and returns both outputs.
func (w *world) run(want int, args ...string) (out, errs string) {
	w.t.Helper()
	return w.feed(want, "", args...)
}

func (w *world) feed(want int, stdin string, args ...string) (out, errs string) {
	w.t.Helper()
	o, e, code := w.start(w.t.Context(), stdin, args...)
	if got := code(); got != want {
		w.t.Fatalf("%v: exit code %d, want %d\n%s%s", args, got, want, o, e)
	}
	return o.String(), e.String()
}

func (w *world) contains(text string, wants ...string) {
	w.t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			w.t.Errorf("no %q in:\n%s", want, text)
		}
	}
}

// isJane checks what Jane's story has to come to.
func (w *world) isJane(text string) {
	w.t.Helper()
	var p show.Person
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		w.t.Fatal(err, text)
	}
	ids := map[string]bool{}
	for _, id := range p.Identifiers {
		ids[id.Type+":"+id.Value] = true
	}
	for _, want := range []string{"anonymous_id:anon_123", "anonymous_id:anon_456", "anonymous_id:anon_789", "user_id:abc123def",
		"email:janedoe@example.com", "ios.id:ios_abc123", "android.id:and_1a2b3c4d"} {
		if !ids[want] {
			w.t.Errorf("Jane has no %s", want)
		}
	}
	if len(ids) != 7 || p.Events != 26 || len(p.Timeline) != 10 || show.Title(p.Traits, p.Identifiers, p.Collection) != "Jane Doe" {
		w.t.Errorf("%d identifiers, %d events, %d shown, called %s", len(ids), p.Events, len(p.Timeline), show.Title(p.Traits, p.Identifiers, p.Collection))
	}
}

func TestJaneInAStoppedDirectory(t *testing.T) {
	w := &world{t: t}
	data := filepath.Join(t.TempDir(), "data")
	out, _ := w.run(0, "import", "--data", data, "--config", settings, jane)
	w.contains(out, "Imported 26 events", "1 repeat ", "profile merged")
	out, _ = w.run(0, "import", "--data", data, "--config", settings, jane)
	w.contains(out, "was imported before, all 27 lines")
	out, _ = w.run(0, "profile", "--data", data, "email:JaneDoe@example.com", "--json")
	w.isJane(out)
	out, _ = w.run(0, "profile", "--data", data, "anonymous_id:anon_789")
	w.contains(out, "Jane Doe  use_", "26 events, 7 identifiers", "android.id    and_1a2b3c4d", "Last 10 of 26 events", "Workout Completed")
	_, errs := w.run(1, "profile", "--data", data, "email:nobody@example.com")
	w.contains(errs, "nobody in space dev is known as email:nobody@example.com")
	out, _ = w.run(0, "verify", "--data", data)
	w.contains(out, "26 events", "No difference")
	out, _ = w.run(0, "feed", "--data", data)
	w.contains(out, `"id_value":"anon_123"`)
	out, _ = w.run(0, "space", "list", "--data", data)
	w.contains(out, "dev  Development  1", "ID ")
	out, _ = w.run(0, "source", "list", "--data", data)
	w.contains(out, "segkicks", "wk_d…", "configuration file")
}

func TestRules(t *testing.T) {
	w := &world{t: t}
	data := filepath.Join(t.TempDir(), "data")
	w.run(0, "space", "create", "shop", "--data", data)
	out, _ := w.run(0, "rules", "--data", data)
	w.contains(out, "set by built-in", "order: person_first", "device or cookie")
	// What is printed can be set again.
	file := filepath.Join(t.TempDir(), "rules.yaml")
	text := out + "identifiers:\n  - {type: loyalty_card, limit: 1, key: card}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ = w.run(0, "rules", "check", file)
	w.contains(out, "is valid: 1 identifier type listed")
	out, _ = w.run(0, "rules", "set", file, "--data", data)
	w.contains(out, "of shop is in force")
	out, _ = w.run(0, "rules", "--data", data)
	w.contains(out, "type: loyalty_card", "key: card", "set by admin token")
	_, errs := w.feed(2, "order: sideways\nidentfiers: []\n", "rules", "check", "-")
	w.contains(errs, "standard input:1: order: ", "standard input:2: there is no key identfiers; did you mean identifiers?")
}

func TestWrongCommandLines(t *testing.T) {
	w := &world{t: t}
	for want, args := range map[string][]string{
		`unknown command "profil"`:              {"profil"},
		"TYPE:VALUE is missing":                 {"profile"},
		"unknown flag: --colour":                {"profile", "--colour"},
		`"jane" is not an identifier`:           {"profile", "jane"},
		"FILE is missing":                       {"import"},
		`--format is "xml"`:                     {"import", "--format", "xml", jane},
		"cannot be used together":               {"verify", "--server", "http://x", "--data", "y"},
		`the server "here" is not an address`:   {"feed", "--server", "here"},
		`unknown command "foo" for "selfsame s`: {"space", "foo"},
		"begins with two dashes":                {"-version"},
		"an argument is empty":                  {"rejects", "resend", ""},
		"--limit is -3":                         {"feed", "--limit", "-3"},
	} {
		_, errs := w.run(2, args...)
		w.contains(errs, want)
	}
	_, errs := w.run(1, "import", "nowhere.ndjson", "--data", t.TempDir())
	w.contains(errs, "nowhere.ndjson: no such file")
	_, errs = w.run(1, "profile", "user_id:x", "--data", t.TempDir())
	w.contains(errs, "is not the data directory of a Selfsame server")
	_, errs = w.run(1, "profile", "user_id:x", "--server", "http://127.0.0.1:1")
	w.contains(errs, "no server answers at http://127.0.0.1:1")
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("lisen: x\nspaces: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, errs = w.run(2, "serve", "--config", bad)
	w.contains(errs, "has 2 mistakes", bad+":1: there is no key lisen", bad+":2: spaces is")
	out, _ := w.run(0, "version")
	w.contains(out, "selfsame ")
	out, _ = w.run(0)
	w.contains(out, "selfsame serve", "Usage:")
}

// listening finds the address in a server's log.
var listening = regexp.MustCompile(`msg=listening url=(\S+)`)

func TestServerAndItsCommands(t *testing.T) {
	w := &world{t: t, env: map[string]string{}}
	data := filepath.Join(t.TempDir(), "data")
	ctx, stop := context.WithCancel(t.Context())
	out, errs, code := w.start(ctx, "", "serve", "--data", data, "--listen", "127.0.0.1:0")
	url := ""
	for deadline := time.Now().Add(time.Minute); url == ""; time.Sleep(5 * time.Millisecond) {
		if m := listening.FindStringSubmatch(errs.String()); m != nil {
			url = m[1]
		} else if time.Now().After(deadline) {
			t.Fatalf("not ready\n%s%s", out, errs)
		}
	}
	admin := regexp.MustCompile(`adm_[\w-]+`)
	for deadline := time.Now().Add(2 * time.Minute); !strings.Contains(out.String(), "Send an event"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the secrets are not shown\n%s", out)
		}
	}
	_, refused := w.run(1, "space", "list", "--server", url)
	w.contains(refused, "the server wants its admin token", "SELFSAME_ADMIN_TOKEN")
	w.env["SELFSAME_ADMIN_TOKEN"] = "adm_wrong"
	_, refused = w.run(1, "space", "list", "--server", url)
	w.contains(refused, "does not know this admin token")
	w.env["SELFSAME_ADMIN_TOKEN"], w.env["SELFSAME_SERVER"] = admin.FindString(out.String()), url

	text, _ := w.run(0, "import", jane)
	w.contains(text, "Imported 26 events", "1 repeat ")
	text, _ = w.run(0, "import", jane)
	w.contains(text, "was imported before")
	text, _ = w.run(0, "profile", "user_id:abc123def", "--json")
	w.isJane(text)
	csv := "user_id,email,plan,event\nu1,u1@example.com,pro,\nu1,,,Renewed\n,,x,\n"
	text, _ = w.feed(0, csv, "import", "-", "--format", "csv")
	w.contains(text, "Imported 2 events", "1 line refused", "missing_id")
	text, _ = w.run(0, "profile", "email:u1@example.com")
	w.contains(text, "plan   pro", "Renewed")
	text, _ = w.run(0, "verify")
	w.contains(text, "28 events", "No difference")

	text, _ = w.run(0, "token", "create", "backend")
	w.contains(text, "tok_")
	text, _ = w.run(0, "token", "list")
	w.contains(text, "backend", "default", "API")
	w.run(0, "token", "delete", "backend")
	_, refused = w.run(1, "token", "delete", "backend")
	w.contains(refused, `token "backend" of space "dev"`)
	text, _ = w.run(0, "source", "create", "web", "--name", "Website")
	w.contains(text, "wk_")
	_, refused = w.run(2, "import", jane)
	w.contains(refused, "choose one with --source: app, web")
	w.run(0, "space", "create", "prod")
	_, refused = w.run(2, "profile", "user_id:abc123def")
	w.contains(refused, "choose one with --space: dev, prod")

	// The directory is the server's as long as it runs.
	_, refused = w.run(1, "verify", "--data", data, "--space", "dev")
	w.contains(refused, "a running server has "+data+" open", "leave --data out")
	_, refused = w.run(1, "serve", "--data", data, "--listen", "127.0.0.1:0")
	w.contains(refused, data, "in use by another Selfsame")
	other := t.TempDir()
	_, refused = w.run(1, "serve", "--data", other, "--listen", strings.TrimPrefix(url, "http://"))
	w.contains(refused, "is in use by another program")

	stop()
	if c := code(); c != 0 {
		t.Errorf("the server ends with %d\n%s", c, errs)
	}
	w.contains(errs.String(), `msg="stopping: `, "msg=stopped")
	// A restart shows no secrets, and the first token still holds.
	delete(w.env, "SELFSAME_SERVER")
	text, _ = w.run(0, "profile", "user_id:abc123def", "--data", data, "--space", "dev", "--json")
	w.isJane(text)
	text, _ = w.run(0, "token", "admin", "--data", data)
	w.contains(text, "adm_")
}
