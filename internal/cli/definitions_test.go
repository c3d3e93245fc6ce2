package cli

import (
	"os"
	"path/filepath"
	"testing"
)

const someDefinitions = `# What we know of runners.
traits:
  orders: {event: Order Completed, kind: count}
  revenue: {name: Revenue, event: Order Completed, kind: sum, property: properties.revenue}
audiences:
  bought: {when: traits.orders >= 1} # at least once
`

// Definitions are shown before they are applied, computed over what is there, and can be
// read back.
func TestApply(t *testing.T) {
	w := &world{t: t}
	dir := t.TempDir()
	data, file := filepath.Join(dir, "data"), filepath.Join(dir, "definitions.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.run(0, "import", "--data", data, "--config", settings, jane)
	write(someDefinitions)
	out, _ := w.run(0, "apply", "--data", data, "-f", file, "--dry-run")
	w.contains(out, "+ bought", "+ orders", "+ revenue")
	out, _ = w.run(0, "audiences", "--data", data)
	w.contains(out, "No audiences are defined; see selfsame audiences create --help, or selfsame apply.")
	_, told := w.run(1, "apply", "--data", data, "-f", file)
	w.contains(told, "add --yes")
	out, _ = w.run(0, "apply", "--data", data, "-f", file, "--yes")
	w.contains(out, "Version 1 of the definitions of dev is in force.", "All of it is computed over history")

	out, _ = w.run(0, "traits", "--data", data)
	w.contains(out, "revenue", "Revenue", "complete")
	out, _ = w.run(0, "audiences", "--data", data)
	w.contains(out, "bought", "complete", "  1  ")
	out, _ = w.run(0, "audiences", "show", "--data", data, "bought")
	w.contains(out, "bought: {when: traits.orders >= 1} # at least once")
	out, _ = w.run(0, "audiences", "members", "--data", data, "bought")
	w.contains(out, "since 2019-11-15 14:10:02 UTC", "1 member, as of ")
	out, _ = w.run(0, "profile", "--data", data, "email:janedoe@example.com")
	w.contains(out, "Computed traits", "revenue  248", "Audiences", "bought  since")
	out, _ = w.run(0, "export", "members", "--data", data, "--audience", "bought", "--columns", "email,orders", "--format", "csv")
	w.contains(out, "audience,since,id,email,orders\r\n", "bought,2019-11-15T14:10:02Z,use_", ",janedoe@example.com,2\r\n")
	out, _ = w.run(0, "export", "definitions", "--data", data)
	if out != someDefinitions {
		t.Errorf("exported:\n%s", out)
	}

	out, _ = w.run(0, "apply", "--data", data, "-f", file)
	w.contains(out, "Nothing changes.")
	write("traits:\n  orders: {event: Order Completed, kind: count}\n")
	out, _ = w.run(0, "apply", "--data", data, "-f", file, "--yes", "--json")
	w.contains(out, `"removed": [`, `"bought"`, `"revision": 2`)
	write("traits:\n  orders: {event: Order Completed, kind: guess}\n  bought: {event: X, kind: count}\n")
	_, told = w.run(2, "apply", "--data", data, "-f", file, "--yes")
	w.contains(told, "line 2: traits.orders.kind")
	w.run(1, "traits", "show", "--data", data, "nothing")
	w.run(2, "apply", "--data", data)
}

// Single definitions are added, changed and removed, and what else stands in the document
// stays as it was.
func TestDefinitionsOneByOne(t *testing.T) {
	w := &world{t: t}
	dir := t.TempDir()
	data, file := filepath.Join(dir, "data"), filepath.Join(dir, "one.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.run(0, "import", "--data", data, "--config", settings, jane)
	do := func(code int, args ...string) (out, told string) {
		t.Helper()
		return w.run(code, append(args, "--data", data)...)
	}
	out, _ := do(0, "traits", "list")
	w.contains(out, "No traits are defined; see selfsame traits create --help")
	_, told := do(1, "traits", "create", "orders", "--event", "Order Completed", "--kind", "count")
	w.contains(told, "add --yes")
	do(0, "traits", "create", "orders", "--event", "Order Completed", "--kind", "count", "--name", "Orders", "--yes")
	_, told = do(2, "traits", "create", "orders", "--event", "X", "--kind", "count", "--yes")
	w.contains(told, "trait orders is there already; add --replace to change it")
	_, told = do(2, "traits", "create", "more")
	w.contains(told, "nothing says what more is")
	_, told = do(2, "traits", "create", "more", "--kind", "guess", "--event", "X", "--yes")
	w.contains(told, "traits.more.kind")
	write(someDefinitions)
	_, told = do(2, "traits", "create", "more", "-f", file)
	w.contains(told, "is a whole document", "selfsame apply")
	write("kind: sum # in dollars\nevent: [Order Completed, Order Refunded]\n")
	out, _ = do(0, "traits", "create", "revenue", "-f", file, "--property", "properties.revenue", "--yes", "--json")
	w.contains(out, `"added": [`, `"revenue"`)

	out, _ = do(0, "audiences", "preview", "bought", "--when", "traits.orders >= 2")
	w.contains(out, "1 profile would be in bought as of ", "use_")
	_, told = do(1, "audiences", "preview", "bought")
	w.contains(told, `defines no audience "bought"`)
	do(0, "audiences", "create", "bought", "--when", "traits.orders >= 2", "--yes")
	out, _ = do(0, "audiences", "preview", "bought", "--json")
	w.contains(out, `"members": 1`)
	do(0, "audiences", "create", "bought", "--when", "traits.orders >= 3", "--replace", "--yes")
	out, _ = do(0, "audiences", "list")
	w.contains(out, "bought", "complete  0")

	write("type: file\nsend: {audiences: all}\nfile: {path: out}\n")
	do(0, "destinations", "create", "log", "-f", file, "--yes", "--no-wait")
	out, _ = do(0, "destinations", "list")
	w.contains(out, "log  file")
	out, _ = do(0, "export", "definitions")
	w.contains(out, "orders:\n    event: Order Completed", "kind: sum # in dollars", "bought:\n    when: traits.orders >= 3", "log:\n    type: file")
	do(0, "destinations", "delete", "log", "--yes")
	do(0, "audiences", "delete", "bought", "--yes")
	_, told = do(1, "audiences", "delete", "bought", "--yes")
	w.contains(told, `defines no audience "bought"`)
	_, told = do(2, "audiences", "create", "bought", "--when", "true", "--yes")
	w.contains(told, "bought")
}
