package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/test/instance"
	"github.com/selfsame-id/selfsame/test/wire"
)

// builds are the binaries of this run: as users have it, and with the race
// detector.
var builds struct {
	dir                string
	plain, withRace    sync.Once
	plainPath, racPath string
	plainErr, raceErr  error
}

func TestMain(m *testing.M) {
	code := func() int {
		dir, err := os.MkdirTemp("", "selfsame-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		builds.dir = dir
		return m.Run()
	}()
	os.Exit(code)
}

// binary is the server as users have it.
func binary(t testing.TB) string {
	t.Helper()
	builds.plain.Do(func() { builds.plainPath, builds.plainErr = build("plain") })
	if builds.plainErr != nil {
		t.Fatal(builds.plainErr)
	}
	return builds.plainPath
}

// watched is the server with the race detector, for tests that are about races.
// What it finds fails the test, whatever the test itself is built with. With -short
// it is the server as users have it.
func watched(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		return binary(t)
	}
	builds.withRace.Do(func() { builds.racPath, builds.raceErr = build("race", "-race") })
	if builds.raceErr != nil {
		t.Fatal(builds.raceErr)
	}
	return builds.racPath
}

// build builds the server, unless `make test` has done it.
func build(name string, flags ...string) (string, error) {
	if dir := os.Getenv("SELFSAME_BINARIES"); dir != "" {
		return filepath.Join(dir, name, "selfsame"), nil
	}
	dir := filepath.Join(builds.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	return instance.Build(dir, flags...)
}

const (
	writeKey   = "wk_e2e"
	token      = "tok_e2e"
	adminToken = "adm_e2e"
)

// site is a configuration file and a data directory, on which one server after
// another may work.
type site struct {
	t      testing.TB
	binary string
	config string
	data   string
	store  string // URL of a shared store, instead of data
	ready  time.Duration
	args   []string
	env    []string

	written bool   // something may have been written since the last verify
	damaged string // why the test ends without verify, which is the exception
}

// newSite makes a site with the given spaces, dev if none are given. The write
// key of a space is keyOf(space), its token tokenOf(space).
func newSite(t testing.TB, binary string, spaces ...string) *site {
	t.Helper()
	if len(spaces) == 0 {
		spaces = []string{"dev"}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "admin_token: %s\nprofile_rate: 0\nspaces:\n", adminToken)
	for _, id := range spaces {
		fmt.Fprintf(&b, "  - id: %s\n    name: Space %s\n", id, id)
		fmt.Fprintf(&b, "    sources: [{id: shop-%s, name: Shop %s, write_key: %s}]\n", id, id, keyOf(id))
		fmt.Fprintf(&b, "    tokens: [{name: reader, token: %s}]\n", tokenOf(id))
	}
	return newSiteWith(t, binary, b.String())
}

func keyOf(space string) string   { return writeKey + "_" + space }
func tokenOf(space string) string { return token + "_" + space }

// newSiteWith makes a site with a configuration.
func newSiteWith(t testing.TB, binary, config string) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{t: t, binary: binary, config: filepath.Join(dir, "selfsame.yaml"), data: filepath.Join(dir, "data"), ready: patience}
	if !strings.Contains(config, "deliveries:") {
		config += "\ndeliveries: " + filepath.Join(dir, "deliveries") + "\n"
	}
	if err := os.WriteFile(s.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.finish(t) })
	return s
}

// finish verifies what a test leaves behind, after its servers have ended, however
// they did. A test that fails says enough.
func (s *site) finish(t testing.TB) {
	if s.damaged != "" {
		t.Logf("no verify at the end: %s", s.damaged)
	}
	if s.damaged != "" || t.Failed() || t.Skipped() || !s.written {
		return
	}
	var spaces []struct{ ID string }
	out := s.mustRun(t, nil, append([]string{"space", "list", "--json", "--config", s.config}, s.where()...)...)
	if err := json.Unmarshal([]byte(out), &spaces); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, space := range spaces {
		s.verify(t, space.ID)
	}
}

// where tells a command to work on the data itself.
func (s *site) where() []string {
	if s.store != "" {
		return []string{"--store", s.store}
	}
	return []string{"--data", s.data}
}

// server is a running server of a site.
type server struct {
	*instance.Process
	site *site
}

// start starts a server and ends it with the test. If the test fails, what the
// server logged is shown.
func (s *site) start(t testing.TB) *server {
	t.Helper()
	p, err := s.tryStart(t)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (s *site) tryStart(t testing.TB) (*server, error) {
	p, err := instance.Start(instance.Options{Binary: s.binary, Config: s.config, Data: s.data, Store: s.store, Ready: s.ready, Args: s.args, Env: s.env})
	if p == nil {
		return nil, err
	}
	s.written = s.written || err == nil
	t.Cleanup(func() {
		if p.Running() {
			p.Kill()
		}
		if text := p.Log(); t.Failed() && text != "" {
			t.Logf("log of the server (pid %d):\n%s", p.Pid(), shortened(text))
		}
		if strings.Contains(p.Log(), "DATA RACE") {
			t.Error("the race detector found something in the server")
		}
	})
	return &server{p, s}, err
}

// shortened cuts a long text in the middle.
func shortened(text string) string {
	const end = 8 << 10
	if len(text) <= 2*end {
		return text
	}
	return text[:end] + "\n[...]\n" + text[len(text)-end:]
}

// stop ends a server as an operator does.
func (p *server) stop(t testing.TB) {
	t.Helper()
	if err := p.Stop(); err != nil {
		t.Fatalf("the server did not stop well: %v", err)
	}
}

// dial opens a connection for many requests.
func (p *server) dial(t testing.TB) *wire.Conn {
	t.Helper()
	c, err := wire.Dial(p.Addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// run runs a command of the binary and returns its output and exit code.
func (s *site) run(t testing.TB, stdin []byte, args ...string) (output string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.binary, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if stdin != nil {
		cmd.Stdin = bytes.NewReader(stdin)
	}
	cmd.Env = append(os.Environ(), "SELFSAME_ADMIN_TOKEN="+adminToken)
	err := cmd.Run()
	if _, none := os.Stat(s.data); none == nil && slices.Contains(args, "--data") || slices.Contains(args, "--store") {
		s.written = true
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("selfsame %s: %v\n%s", strings.Join(args, " "), err, out.String())
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// mustRun runs a command that must do its work.
func (s *site) mustRun(t testing.TB, stdin []byte, args ...string) string {
	t.Helper()
	out, code := s.run(t, stdin, args...)
	if code != 0 {
		t.Fatalf("selfsame %s: exit code %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// verify runs `selfsame verify` on the directory, which no server may have open,
// or on the shared store.
func (s *site) verify(t testing.TB, spaces ...string) {
	t.Helper()
	if len(spaces) == 0 {
		spaces = []string{"dev"}
	}
	for _, space := range spaces {
		out, code := s.run(t, nil, append([]string{"verify", "--config", s.config, "--space", space}, s.where()...)...)
		if code != 0 {
			t.Errorf("selfsame verify found something in %s (exit code %d):\n%s", space, code, shortened(out))
		}
	}
	s.written = false
}
