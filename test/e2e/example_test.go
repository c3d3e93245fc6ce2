package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// freeAddress is an address on which nobody listens.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// What `make run` shows: Jane's events are imported, the definitions are applied to the
// directory, and once a server serves it the inbox has the two mails that she gets, and
// not the one about her cart.
func TestTheExampleTellsJane(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inbox := filepath.Join(dir, "inbox")
	if out, err := exec.Command("go", "build", "-o", inbox, "../../examples/inbox").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	smtp, http, received := freeAddress(t), freeAddress(t), filepath.Join(dir, "received")
	cmd := exec.Command(inbox, "-dir", received, "-smtp", smtp, "-http", http)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })

	text, err := os.ReadFile(segkicksFile)
	if err != nil {
		t.Fatal(err)
	}
	document := filepath.Join(dir, "segkicks.yaml")
	text = []byte(strings.NewReplacer("127.0.0.1:2525", smtp, "127.0.0.1:8090", http).Replace(string(text)))
	if err := os.WriteFile(document, text, 0o600); err != nil {
		t.Fatal(err)
	}
	deliveries := filepath.Join(dir, "deliveries")
	s := newSiteWith(t, binary(t), fmt.Sprintf(`admin_token: %s
allow_private: 127.0.0.1
deliveries: %s
spaces:
  - id: dev
    name: Development
    sources: [{id: segkicks, name: SegKicks, write_key: %s}]
`, adminToken, deliveries, keyOf("dev")))
	where := []string{"--config", s.config, "--data", s.data, "--space", "dev"}
	s.mustRun(t, nil, append([]string{"import", "--source", "segkicks", janeFile}, where...)...)
	out := s.mustRun(t, nil, append([]string{"apply", "-f", document, "--yes"}, where...)...)
	for _, want := range []string{"+ needs_new_shoes", "+ mails", "All of it is computed over history"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	s.start(t)
	var mails, hooks, log string
	read := func(pattern string) string {
		names, _ := filepath.Glob(pattern)
		var all strings.Builder
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(b)
		}
		return all.String()
	}
	eventually(t, patience, "what Jane and the shop are told", func() bool {
		mails, hooks, log = read(filepath.Join(received, "*.eml")), read(filepath.Join(received, "webhooks.ndjson")), read(filepath.Join(deliveries, "*", "*", "*"))
		return strings.Count(mails, "To: <janedoe@example.com>") >= 2 && strings.Count(hooks, "\n") >= 3 && strings.Count(log, "\n") >= 7
	})
	for _, want := range []string{"Subject: Jane, still thinking about them?", "Subject: 314.6 miles: time for new shoes", "https://segkicks.example/shoe-b"} {
		if !strings.Contains(mails, want) {
			t.Errorf("no %q in\n%s", want, mails)
		}
	}
	if strings.Contains(mails, "cart is waiting") || strings.Count(mails, "To: ") != 2 {
		t.Errorf("mails that Jane should not get:\n%s", mails)
	}
	if !strings.Contains(hooks, "miles_since_shoes") || !strings.Contains(log, "abandoned_cart") && !strings.Contains(log, "needs_new_shoes") {
		t.Errorf("webhooks\n%s\nlog\n%s", hooks, log)
	}
}
