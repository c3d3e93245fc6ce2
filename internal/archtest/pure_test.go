package archtest

import (
	"go/ast"
	"strings"
	"testing"
)

// pure are the packages that know no store, no HTTP and no clock: what they
// answer follows from what they are given.
var pure = []string{"internal/event", "internal/identity", "internal/profile", "internal/compute", "internal/safetext", "internal/spelling"}

// impure are what pure packages may not import: a path and all below it.
var impure = []string{
	"bufio", "context", "crypto/rand", "database/sql", "embed", "io/fs", "io/ioutil", "log", "math/rand",
	"net", "os", "path/filepath", "plugin", "runtime", "syscall", "testing",
}

// clock are the functions of package time that look at, or wait for, the clock.
var clock = map[string]bool{
	"Now": true, "Since": true, "Until": true, "Sleep": true, "After": true, "AfterFunc": true,
	"Tick": true, "NewTimer": true, "NewTicker": true, "Local": true, "LoadLocation": true,
}

func TestPurePackagesStayPure(t *testing.T) {
	for _, f := range sources(t) {
		if f.test || !isPure(f.pkg) {
			continue
		}
		for _, imp := range f.imports {
			if r := room(imp); r != "" && !isPure(r) {
				t.Errorf("%s is pure and imports %s, which is not", f.name, r)
			}
			for _, bad := range impure {
				if within(imp, bad) {
					t.Errorf("%s is pure and imports %s", f.name, imp)
				}
			}
			if r := room(imp); r == "" && strings.Contains(imp, ".") && !isPureModule(imp) {
				t.Errorf("%s is pure and imports %s; name it here if it does no I/O and has no clock", f.name, imp)
			}
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "time" && pkg.Obj == nil && clock[sel.Sel.Name] {
				t.Errorf("%s is pure and uses time.%s; let the time come in as a value", f.fset.Position(n.Pos()), sel.Sel.Name)
			}
			return true
		})
	}
}

// pureModules do no I/O and have no clock, as they are used here.
var pureModules = []string{
	"cel.dev/cel-go", "github.com/cockroachdb/apd/v3", "github.com/dchest/siphash", "github.com/google/btree",
	"github.com/segmentio/ksuid", "go.yaml.in/yaml/v3",
}

func isPureModule(imp string) bool {
	for _, m := range pureModules {
		if within(imp, m) {
			return true
		}
	}
	return false
}

func isPure(pkg string) bool {
	for _, p := range pure {
		if within(pkg, p) {
			return true
		}
	}
	return false
}
