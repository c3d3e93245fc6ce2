package archtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// floors says which floor of the house a package is on. A package may import
// only from lower floors, or from its own room (the same entry here). The first
// entry that fits counts.
var floors = []struct {
	dir   string
	floor int
}{
	{"cmd", 100},
	{"test", 100},
	{"examples", 100},
	{"internal/archtest", 100},
	{"internal/cli", 90},
	{"internal/app", 80},
	{"internal/importer", 70},
	{"internal/httpapi", 60},
	{"internal/console", 60},
	{"internal/deliver", 58},
	{"internal/warehouse", 60},
	{"internal/privacy", 60},
	{"internal/api", 55},
	{"internal/config", 50},
	{"internal/catalog", 50},
	{"internal/space/codec", 26},
	{"internal/lease", 32},
	{"internal/space/counts", 34},
	{"internal/space/dedupe", 34},
	{"internal/space/erasure", 32},
	{"internal/space/journal", 32},
	{"internal/space/rejects", 38},
	{"internal/space/tx", 36},
	{"internal/space/spacetest", 46},
	{"internal/space/computed", 44},
	{"internal/space/export", 46},
	{"internal/space/overrides", 43},
	{"internal/space/search", 44},
	{"internal/space/duplicates", 44},
	{"internal/space/query", 42},
	{"internal/space/watch", 42},
	{"internal/space/rules", 42},
	{"internal/space/bulk", 42},
	{"internal/space", 40},
	{"internal/feed", 30},
	{"internal/compute", 25},
	{"internal/profile", 24},
	{"internal/identity", 23},
	{"internal/kv/pebblekv", 22},
	{"internal/kv/pgkv", 22},
	{"internal/kv/kvtest", 22},
	{"internal/kv", 21},
	{"internal/event", 20},
	{"internal/audit", 19},
	{"internal/safetext", 10},
	{"internal/spelling", 10},
	{"internal/generational", 10},
	{"internal/task", 10},
	{"internal/needs", 10},
}

func floorOf(pkg string) (dir string, floor int) {
	for _, f := range floors {
		if within(pkg, f.dir) {
			return f.dir, f.floor
		}
	}
	return "", 0
}

func TestArrowsRunDownward(t *testing.T) {
	for _, f := range sources(t) {
		dir, from := floorOf(f.pkg)
		if dir == "" {
			t.Errorf("%s: the package %s has no floor; give it one in internal/archtest and draw it in docs/architecture.md", f.name, f.pkg)
			continue
		}
		if f.test {
			continue // a test may build the floor it needs to stand on
		}
		for _, imp := range f.imports {
			r := room(imp)
			if r == "" {
				continue
			}
			if other, to := floorOf(r); other == "" || to >= from && other != dir {
				t.Errorf("%s imports %s, which is not below it", f.name, r)
			}
		}
	}
}

// The floors that docs/architecture.md draws are those that hold.
func TestFloorsAreDrawn(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, drawn, found := strings.Cut(string(text), "Arrows run one way, downwards:\n\n")
	drawn, _, ends := strings.Cut(drawn, "\n\n")
	if !found || !ends {
		t.Fatal("docs/architecture.md does not draw the floors")
	}
	var want []string
	byFloor := slices.Clone(floors)
	slices.SortStableFunc(byFloor, func(a, b struct {
		dir   string
		floor int
	}) int {
		return b.floor - a.floor
	})
	last := 0
	for _, f := range byFloor {
		if _, err := os.Stat(filepath.Join(root, f.dir)); err != nil || f.dir == "test" || f.dir == "examples" || f.dir == "internal/archtest" {
			continue // not built yet, or no part of the house
		}
		name := strings.TrimPrefix(f.dir, "internal/")
		if f.floor == last {
			want[len(want)-1] += ", " + name
		} else {
			want = append(want, name)
		}
		last = f.floor
	}
	var got []string
	for line := range strings.Lines(drawn) {
		got = append(got, strings.TrimSpace(line))
	}
	if !slices.Equal(got, want) {
		t.Errorf("docs/architecture.md draws\n    %s\nand the floors are\n    %s", strings.Join(got, "\n    "), strings.Join(want, "\n    "))
	}
}

// owners names who alone may import a package.
var owners = []struct {
	imported string // an import path, or the start of one
	by       []string
	why      string
}{
	{module + "/internal/kv/pebblekv", []string{"internal/app", "internal/space/spacetest"}, "only app names a concrete store"},
	{module + "/internal/kv/pgkv", []string{"internal/app", "internal/space/spacetest"}, "only app names a concrete store"},
	{"github.com/cockroachdb/pebble", []string{"internal/kv/pebblekv", "internal/space/spacetest"}, "the engine behind a store is the store's own affair"},
	{"github.com/jackc/pgx", []string{"internal/kv/pgkv", "internal/warehouse"}, "the engine behind a store is the store's own affair"},
	{"github.com/spf13/cobra", []string{"internal/cli"}, "commands live in cli"},
	{"go.yaml.in/yaml", []string{"internal/config", "internal/compute", "internal/deliver", "internal/cli"}, "YAML is for people: files, definitions and commands"},
	{"cel.dev/cel-go", []string{"internal/compute"}, "conditions are compiled in one place"},
}

func TestSomeImportsHaveOneOwner(t *testing.T) {
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		for _, imp := range f.imports {
			for _, o := range owners {
				if !within(imp, o.imported) {
					continue
				}
				allowed := within(f.pkg, room(o.imported)) && room(o.imported) != ""
				for _, dir := range o.by {
					allowed = allowed || within(f.pkg, dir)
				}
				if !allowed {
					t.Errorf("%s imports %s: %s", f.name, imp, o.why)
				}
			}
		}
	}
}
