package compute_test

import (
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/compute"
)

func TestFilters(t *testing.T) {
	filters, err := compute.NewFilters(map[string]compute.NameKind{"what": compute.OfText, "value": compute.OfAny, "traits": compute.OfObject, "identifiers": compute.OfTexts})
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]any{
		"what": "trait_set", "value": 12.5, "traits": map[string]any{"plan": "pro", "orders": 3.0, "since": "2024-01-05T00:00:00Z"},
		"identifiers": map[string][]string{"email": {"jane@example.com"}},
	}
	for text, want := range map[string]compute.Problem{
		`what == "trait_set" && value > 12`:                       compute.None,
		`value >= 12.5 && traits.orders == 3`:                     compute.None,
		`identifiers.email.exists(e, e.endsWith("@example.com"))`: compute.None,
		`time(traits.since) > time("2024-01-01")`:                 compute.None,
		`traits.missing == 1`:                                     compute.MissingKey,
		`traits.plan > 1`:                                         compute.WrongType,
	} {
		f, err := filters.Compile(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if holds, problem := f.Holds(of); holds != (want == compute.None) || problem != want {
			t.Errorf("%s: %v, %v, want %v", text, holds, problem, want)
		}
	}
	for text, want := range map[string]string{
		`what +`:                    "no expression",
		`nobody == "x"`:             "undeclared reference",
		`1 + 1`:                     "the result is of type int",
		`what == "a" && 1 / 0 == 1`: "divides by zero",
		`identifiers.all(a, identifiers.all(b, identifiers.all(c, a == b && b == c)))`: "costs too much",
	} {
		_, err := filters.Compile(text)
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
