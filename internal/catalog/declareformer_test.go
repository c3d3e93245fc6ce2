package catalog

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// A declared source is rotated in the file: its former keys are taken until they
// end or are taken out, and whose they were is known afterwards.
func TestDeclaredFormerKeys(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m := &memory{}
	c := open(t, m, Options{Now: func() time.Time { return now }})
	apply := func(key string, former ...DeclaredKey) {
		t.Helper()
		src := DeclaredSource{ID: "ios", WriteKey: key, Former: former}
		if err := c.Apply(ctx, Declared{Spaces: []DeclaredSpace{{ID: "dev", Sources: []DeclaredSource{src}}, {ID: "prod", Sources: []DeclaredSource{{ID: "ios", WriteKey: key}}}}}); err != nil {
			t.Fatal(err)
		}
	}
	taken := func(want string) {
		t.Helper()
		var got []string
		for _, key := range []string{"wk_one_1", "wk_two_2", "wk_three"} {
			if _, ok := sourceBy(c, key); ok {
				got = append(got, key[3:6])
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("taken are %v, want %s", got, want)
		}
	}
	source := func() Source {
		t.Helper()
		src, err := c.Source(ctx, "prod", "ios")
		if err != nil {
			t.Fatal(err)
		}
		return src
	}
	apply("wk_one_1")
	taken("one")
	_, _, err := c.RotateKey(ctx, "dev", "ios", time.Hour)
	if !errors.Is(err, ErrDeclared) || !strings.Contains(err.Error(), "former_keys") {
		t.Errorf("rotating over the API: %v", err)
	}
	if _, err := c.RetireKeys(ctx, "dev", "ios"); !errors.Is(err, ErrDeclared) || !strings.Contains(err.Error(), "former_keys") {
		t.Errorf("retiring over the API: %v", err)
	}

	made := now
	now = now.Add(24 * time.Hour)
	until := now.Add(30 * 24 * time.Hour)
	apply("wk_two_2", DeclaredKey{"wk_one_1", until})
	taken("one two")
	src := source()
	if len(src.FormerKeys) != 1 || !src.FormerKeys[0].Until.Equal(until) || !src.FormerKeys[0].CreatedAt.Equal(made) || !src.FormerKeys[0].RotatedAt.Equal(now) || !src.KeyCreatedAt.Equal(now) {
		t.Errorf("%+v", src)
	}
	// Another start with the same file changes nothing.
	version := string(c.view.Load().version)
	now = now.Add(time.Hour)
	apply("wk_two_2", DeclaredKey{"wk_one_1", until})
	if string(c.view.Load().version) != version {
		t.Error("the same file changed something")
	}
	now = until
	taken("two")
	now = until.Add(-time.Hour)
	taken("one two")
	apply("wk_two_2")
	taken("two")
	if r, old := c.view.Load().retired("wk_one_1"); old == nil || r.ID != "ios" {
		t.Error("whose key it was is forgotten")
	}
	// Replaced without a word: refused, and remembered. Back again: taken.
	apply("wk_three")
	taken("thr")
	if r, old := c.view.Load().retired("wk_two_2"); old == nil || r.ID != "ios" {
		t.Error("whose key it was is forgotten")
	}
	apply("wk_two_2", DeclaredKey{"wk_three", until})
	taken("two thr")
	if n := len(source().FormerKeys); n != 2 {
		t.Errorf("%d former keys", n)
	}
	if err := c.Apply(ctx, Declared{Spaces: []DeclaredSpace{{ID: "dev", Sources: []DeclaredSource{{ID: "ios", WriteKey: "wk_two_2", Former: []DeclaredKey{{"x y", until}}}}}}}); !errors.Is(err, ErrInvalid) {
		t.Errorf("a former key that cannot be: %v", err)
	}
}
