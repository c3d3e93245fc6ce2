package event

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestCodesAreDocumented: customers meet every code in docs/refusals.md.
func TestCodesAreDocumented(t *testing.T) {
	source, err := os.ReadFile("refusal.go")
	if err != nil {
		t.Fatal(err)
	}
	docs, err := os.ReadFile("../../docs/refusals.md")
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`Code = "([a-z_0-9]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(codes) != 19 {
		t.Errorf("found %d codes", len(codes))
	}
	rows := 0
	for _, line := range strings.Split(string(docs), "\n") {
		if strings.HasPrefix(line, "| `") {
			rows++
		}
	}
	if rows != len(codes) {
		t.Errorf("docs/refusals.md has %d rows for %d codes", rows, len(codes))
	}
	for _, c := range codes {
		if !strings.Contains(string(docs), "\n| `"+c[1]+"` |") {
			t.Errorf("docs/refusals.md does not explain %s", c[1])
		}
	}
}
