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
	w.contains(out, "No audiences are defined; see selfsame apply.")
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
