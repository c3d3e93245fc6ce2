package needs

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// listEnv names the file that lists what was skipped; `make test` prints it.
const listEnv = "SELFSAME_SKIPPED"

// Time leaves a test to `make test` where only a little is to run (go test -short,
// `make check`), and says why it is not part of that.
func Time(tb testing.TB, why string) {
	tb.Helper()
	if testing.Short() {
		tb.Skip("not run with -short: " + why)
	}
}

// Missing ends a test because something that it needs is not there. Where
// everything has to run (CI=true) the test fails; elsewhere it is skipped, which
// is said at once and at the end of `make test`.
func Missing(tb testing.TB, what string) {
	tb.Helper()
	if os.Getenv("CI") == "true" {
		tb.Fatal(what)
	}
	what = strings.ReplaceAll(what, "\n", " ")
	fmt.Fprintf(os.Stderr, "\n*** %s: SKIPPED: %s ***\n\n", tb.Name(), what)
	// The name of the list is another one each time, so that this result is never
	// taken from Go's cache.
	if name := os.Getenv(listEnv); name != "" {
		f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = fmt.Fprintf(f, "%s: %s\n", tb.Name(), what)
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			tb.Fatalf("listing what was skipped: %v", err)
		}
	}
	tb.Skip(what)
}
