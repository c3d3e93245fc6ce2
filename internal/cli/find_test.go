package cli

import (
	"path/filepath"
	"testing"
)

func TestFind(t *testing.T) {
	w := &world{t: t}
	data := filepath.Join(t.TempDir(), "data")
	w.run(0, "import", "--data", data, "--config", settings, jane)
	for _, words := range [][]string{{"firstName:Jane"}, {"jane", "doe"}, {"Jane Doe"}, {"email:JANE*", "lastName:doe"}, {"anon_4"}} {
		out, _ := w.run(0, append([]string{"find", "--data", data}, words...)...)
		w.contains(out, "Jane Doe", "use_", "user_id:abc123def", "email:janedoe@example.com")
	}
	out, _ := w.run(0, "find", "--data", data, "firstName:Ja")
	w.contains(out, "Nobody fits.")
	out, _ = w.run(0, "find", "--data", data, "lastName:Doe", "--json")
	w.contains(out, `"matches": [`, `"trait": "lastName"`, `"value": "doe"`)
	_, errors := w.run(2, "find", "--data", data, "plan:")
	w.contains(errors, "plan has no value; plan:* finds who has any")
	w.run(2, "find", "--data", data)
	w.run(2, "find", "--data", data, "jane", "--limit", "0")
}

func TestWhiteSpaceOfAnArgumentStaysTogether(t *testing.T) {
	for in, want := range map[string]string{
		"jane":              "jane",
		"Jane Doe":          "Jane Doe",
		"name:Jane Doe":     `name:"Jane Doe"`,
		"name:Jane D*":      `name:"Jane D"*`,
		`name:"Jane Doe"`:   `name:"Jane Doe"`,
		"hello there: jane": "hello there: jane",
	} {
		if got := quoteWord(in); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
}
