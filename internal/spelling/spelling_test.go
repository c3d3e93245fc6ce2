package spelling

import "testing"

func TestNearest(t *testing.T) {
	candidates := []string{"plan", "firstName", "industry", "a"}
	for word, want := range map[string]string{
		"paln": "plan", "Plan": "plan", "firstNmae": "firstName", "firstname": "firstName", "industries": "industry",
		"b": "", "": "", "something": "", "pl": "", "plannning": "",
	} {
		if got := Nearest(word, candidates); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}
