package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/selfsame-id/selfsame/internal/needs"
)

// What the console gives people to paste works as it stands: those snippets that run
// without a build of their own are run. The tests of the SDKs have the others' settings.
func TestSnippetsOfTheConsole(t *testing.T) {
	t.Parallel()
	install(t)
	if _, err := exec.LookPath("curl"); err != nil {
		needs.Missing(t, "curl")
	}
	source, err := os.ReadFile(filepath.Join(ui, "src/pages/sources/snippets.ts"))
	if err != nil {
		t.Fatal(err)
	}
	typed := regexp.MustCompile(`(?m)^export const snippets: .* = \[$`)
	if !typed.Match(source) {
		t.Fatal("snippets.ts does not begin as this test expects it")
	}
	dir, err := os.MkdirTemp("sdk", "snippets") // beside node_modules, where Node finds the SDK
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	plain := typed.ReplaceAll(source, []byte("export const snippets = ["))
	if err := os.WriteFile(filepath.Join(dir, "snippets.mjs"), plain, 0o600); err != nil {
		t.Fatal(err)
	}
	p := newSite(t, binary(t)).start(t)
	var ran []string
	script(t, &ran, "snippets.mjs", filepath.Base(dir), p.URL(""), keyOf("dev"))
	if len(ran) != 2 {
		t.Fatalf("of curl and Node there ran %q", ran)
	}
	var events struct {
		Data []struct {
			Event   string
			Context struct{ Library struct{ Name string } }
		}
	}
	p.read(t, "dev", "user_id:u1", "events?type=track", &events)
	from := map[string]bool{}
	for _, e := range events.Data {
		from[e.Event+" "+e.Context.Library.Name] = true
	}
	if len(events.Data) != 2 || !from["Hello "] || !from["Hello @segment/analytics-node"] {
		t.Errorf("events %+v", events.Data)
	}
}
