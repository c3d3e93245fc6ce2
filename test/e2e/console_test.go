package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/needs"
	"github.com/selfsame-id/selfsame/test/population"
)

const ui = "../../internal/console/ui"

// builtConsole says whether the console was built, and from the sources that there
// are: the server of the tests has it in it only then.
func builtConsole(t *testing.T) {
	t.Helper()
	app, err := os.Stat(ui + "/dist/app/index.html")
	if err != nil {
		needs.Missing(t, "the web console is not built (make console, which needs npm)")
	}
	err = filepath.WalkDir(ui+"/src", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(path, "schema.d.ts") {
			return err
		}
		info, err := e.Info()
		if err == nil && info.ModTime().After(app.ModTime()) {
			needs.Missing(t, path+" is newer than the console that was built of it (make console)")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The console's own tests of what has no page: npm test.
func TestConsoleUnits(t *testing.T) {
	t.Parallel()
	needs.Time(t, "it needs npm")
	builtConsole(t)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "test", "--silent")
	cmd.Dir = ui
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm test: %v\n%s", err, out)
	}
}

// A marketer and an engineer go through the whole console in Chromium, with Jane
// among very many others: e2e/tour.mjs says what they do. What axe finds serious, what
// the content policy refuses, and what the browser complains about, fails.
func TestConsoleTour(t *testing.T) {
	t.Parallel()
	browser(t)
	builtConsole(t)
	s := newSite(t, binary(t))
	crowd := filepath.Join(t.TempDir(), "crowd.ndjson")
	if err := os.WriteFile(crowd, population.Config{Seed: 5, Events: 100_000}.NDJSON(), 0o600); err != nil {
		t.Fatal(err)
	}
	s.mustRun(t, nil, "import", "--config", s.config, "--data", s.data, "--space", "dev", "--source", "shop-dev", crowd, "../../examples/jane.ndjson")
	p := s.start(t)
	eventually(t, patience, "the search index is complete", func() bool {
		var found struct {
			Data  []struct{ ID string }
			Index struct{ Complete bool }
		}
		p.manage(t, "GET", "/api/spaces/dev/find?q=janedoe@example.com", &found)
		return found.Index.Complete && len(found.Data) > 0
	})

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "e2e/tour.mjs", chromium, p.URL(""), adminToken, keyOf("dev"), os.Getenv("SELFSAME_SCREENSHOTS"))
	cmd.Dir = ui
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("node e2e/tour.mjs: %v\n%s%s", err, stdout.String(), stderr.String())
	}
	var told struct{ Problems, Steps []string }
	if err := json.Unmarshal(stdout.Bytes(), &told); err != nil {
		t.Fatalf("%v: %s", err, stdout.String())
	}
	for _, problem := range told.Problems {
		t.Error(problem)
	}
	t.Logf("steps: %s", strings.Join(told.Steps, "; "))
	p.stop(t)
}
