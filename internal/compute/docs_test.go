package compute

import (
	"os"
	"strings"
	"testing"
)

// What the documentation shows can be applied.
func TestDocumentationCompiles(t *testing.T) {
	text, err := os.ReadFile("../../docs/definitions.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml\n")[1:]
	if len(blocks) < 3 {
		t.Fatalf("%d examples", len(blocks))
	}
	for _, block := range blocks {
		example, _, _ := strings.Cut(block, "```")
		if len(compiled(t, example).Definitions()) == 0 {
			t.Errorf("nothing is defined in\n%s", example)
		}
	}
}
