package archtest

import (
	"bytes"
	"go/format"
	"path"
	"regexp"
	"strings"
	"testing"
)

const (
	// mostLines is how long a file with one subject gets.
	mostLines = 600
	// mostRoomLines is how many lines a room gets, tests not counted.
	mostRoomLines = 6000
)

// promises are words that stand for work left undone. They are put together
// here so that this file does not find itself.
var promises = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX)\b|\.Sk` + `ip(f|Now)?\(|panic\("not impl` + `emented`)

func TestFilesKeepTheirForm(t *testing.T) {
	documented := map[string]bool{}
	packages := map[string]string{}
	lines := map[string]int{}
	for _, f := range sources(t) {
		if formatted, err := format.Source(f.text); err != nil || !bytes.Equal(formatted, f.text) {
			t.Errorf("%s is not formatted; run gofmt -w %s", f.name, f.name)
		}
		if n := bytes.Count(f.text, []byte("\n")); n > mostLines && !f.test {
			t.Errorf("%s has %d lines; what are its subjects?", f.name, n)
		}
		for i, line := range strings.Split(string(f.text), "\n") {
			if m := promises.FindString(line); m != "" && f.pkg != "internal/needs" {
				t.Errorf("%s:%d: %s: do it, or write it down where people plan", f.name, i+1, m)
			}
		}
		switch path.Base(f.pkg) {
		case "util", "utils", "common", "helpers", "misc", "types", "models":
			t.Errorf("%s: a room named %s has no subject", f.name, path.Base(f.pkg))
		}
		if !f.test {
			packages[f.pkg] = f.name
			lines[f.pkg] += bytes.Count(f.text, []byte("\n"))
			if f.syntax.Doc != nil {
				documented[f.pkg] = true
			}
		}
	}
	for pkg, n := range lines {
		if n > mostRoomLines {
			t.Errorf("%s has %d lines; what are its rooms?", pkg, n)
		}
	}
	for pkg, name := range packages {
		if !documented[pkg] {
			t.Errorf("package %s (%s) has no package comment; write doc.go", pkg, name)
		}
	}
}
