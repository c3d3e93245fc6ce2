package search

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"Jane":              "jane",
		"  Mary \t Ann\n":   "mary ann",
		"Zoë":               "zoe",
		"ZOE\u0308":         "zoe",
		"Straße":            "strasse",
		"ＦＵＬＬ":              "full",
		"Ångström":          "angstrom",
		"İstanbul":          "istanbul",
		"ΟΔΥΣΣΕΥΣ":          "οδυσσευσ",
		"a\x00b":            "a b",
		"":                  "",
		" ":                 "",
		"Ꭰ":                 "ꭰ",
		"ꭰ":                 "ꭰ",
		"हिन्दी":            "हिन्दी",
		"bad \xff utf8":     "bad utf8",
		"jane@Example.COM ": "jane@example.com",
	} {
		if got := Fold(in); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestFoldingTwiceIsFoldingOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		once := Fold(s)
		if len(once) <= mostValue && Fold(once) != once {
			t.Fatalf("Fold(%q) = %q, and again %q", s, once, Fold(once))
		}
		if len(s) <= mostValue && Fold(strings.ToUpper(s)) != Fold(strings.ToUpper(strings.ToUpper(s))) {
			t.Fatalf("%q", s)
		}
		if strings.IndexByte(once, 0) >= 0 || strings.TrimSpace(once) != once {
			t.Fatalf("Fold(%q) = %q", s, once)
		}
	})
}

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		"jane":                          "/jane~",
		"Jane Doe":                      "/Jane~ /Doe~",
		"firstName:Jane":                "firstName/Jane",
		"firstName:Ja*":                 "firstName/Ja~",
		`firstName:"Mary Ann" x:"y"*`:   "firstName/Mary Ann x/y~",
		`"urn:uuid:1"`:                  "/urn:uuid:1~",
		"user_id:a:b":                   "user_id/a:b",
		"plan:*":                        "plan/~",
		`a:"b*"`:                        "a/b*",
		"  email:jane@example.com\n x ": "email/jane@example.com /x~",
	} {
		list, err := Parse(in)
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		var got []string
		for _, c := range list {
			s := c.Field + "/" + c.Text
			if c.Prefix {
				s += "~"
			}
			got = append(got, s)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q is %s, want %s", in, strings.Join(got, " "), want)
		}
	}
	for in, want := range map[string]string{
		"":                        "nothing was given",
		"plan:":                   "plan has no value",
		`name:"Jane`:              "not closed",
		"*":                       "no letter",
		"a b c d e f g h i":       "more than 8 words",
		strings.Repeat("x", 3000): "longer than 2000 bytes",
	} {
		if _, err := Parse(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", in, err, want)
		}
	}
}

func TestTraitsThatHoldNames(t *testing.T) {
	for name, want := range map[string]bool{
		"name": true, "firstName": true, "FIRST_NAME": true, "last-name": true, "Company Name": true, "display.name": true, "_user__name_": true,
		"": false, "_": false, "names": false, "plan": false, "firstNameOfThePet": false, "nàme": false, "a_name": false,
	} {
		if got := IsName(name); got != want {
			t.Errorf("IsName(%q) = %t", name, got)
		}
	}
	for name := range personal {
		if len(name) > mostPersonal || !IsName(name) {
			t.Errorf("%q is no name", name)
		}
	}
}
