package archtest

import (
	"go/ast"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the Makefile does not run under the race detector has nothing for it to
// find: no goroutine and no lock, also in its tests and in what it imports.
func TestPlainPackagesAreNotConcurrent(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\nPLAIN := ")
	list, _, _ := strings.Cut(rest, "\n")
	todo := strings.Fields(list)
	if !found || len(todo) == 0 {
		t.Fatal("the Makefile does not say which packages are PLAIN")
	}
	byPackage := map[string][]file{}
	for _, f := range sources(t) {
		byPackage[f.pkg] = append(byPackage[f.pkg], f)
	}
	seen := map[string]bool{}
	for len(todo) > 0 {
		pkg := todo[0]
		todo = todo[1:]
		if seen[pkg] {
			continue
		}
		seen[pkg] = true
		if len(byPackage[pkg]) == 0 {
			t.Errorf("the Makefile has %s as PLAIN, and there is no such package", pkg)
		}
		for _, f := range byPackage[pkg] {
			for _, imp := range f.imports {
				if r := room(imp); r != "" {
					todo = append(todo, r)
				}
				if within(imp, "sync") {
					t.Errorf("%s imports %s: take what leads to it off PLAIN in the Makefile", f.name, imp)
				}
			}
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				if _, ok := n.(*ast.GoStmt); ok {
					t.Errorf("%s starts a goroutine: take what leads to it off PLAIN in the Makefile", f.fset.Position(n.Pos()))
				}
				return true
			})
		}
	}
}
