package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/kv"
)

var ctx = context.Background()

func open(t *testing.T, store kv.Store, opt Options) *Catalog {
	t.Helper()
	c, err := Open(ctx, store, opt)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBootstrapOnce(t *testing.T) {
	m := &memory{}
	c := open(t, m, Options{})
	first, err := c.Bootstrap(ctx)
	if err != nil || first == nil {
		t.Fatalf("Bootstrap: %v, %v", first, err)
	}
	if again, err := c.Bootstrap(ctx); again != nil || err != nil {
		t.Errorf("second Bootstrap: %v, %v", again, err)
	}
	// What was made is there after a restart, and the secrets are not.
	c = open(t, m, Options{})
	if src, ok := sourceBy(c, first.WriteKey); !ok || src.ID != first.Source || src.Spaces[0] != "dev" {
		t.Errorf("write key: %v, %v", src, ok)
	}
	if tok, ok := tokenBy(c, "dev", first.Token); !ok || tok.Name != first.TokenName {
		t.Errorf("token: %v, %v", tok, ok)
	}
	for k, v := range m.entries {
		if strings.Contains(string(v), first.WriteKey) || strings.Contains(string(v), first.Token) {
			t.Errorf("entry %q holds a secret", k)
		}
	}
}

func TestAuthenticate(t *testing.T) {
	c := open(t, &memory{}, Options{})
	for _, id := range []string{"dev", "prod"} {
		if _, err := c.CreateSpace(ctx, id, ""); err != nil {
			t.Fatal(err)
		}
	}
	src, key, err := c.CreateSource(ctx, "web", "Website", "prod", "dev")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(key, "wk_") || src.KeyPrefix != key[:6] || fmt.Sprint(src.Spaces) != "[dev prod]" {
		t.Errorf("source %+v with key %s", src, key)
	}
	tok, secret, err := c.CreateToken(ctx, "dev", "backend")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(secret, "tok_") || tok.Prefix != secret[:6] {
		t.Errorf("token %+v is %s", tok, secret)
	}
	if _, ok := tokenBy(c, "prod", secret); ok {
		t.Error("a token of dev opens prod")
	}
	for _, wrong := range []string{"", "wk_", key + "x", key[:len(key)-1], secret} {
		if _, ok := sourceBy(c, wrong); ok {
			t.Errorf("write key %q is taken", wrong)
		}
	}
	_, next, err := c.RotateKey(ctx, "dev", "web", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := sourceBy(c, key); ok {
		t.Error("the old write key is still taken")
	}
	if _, ok := sourceBy(c, next); !ok {
		t.Error("the new write key is not taken")
	}
	if err := c.DeleteSource(ctx, "prod", "web"); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteToken(ctx, "dev", "backend"); err != nil {
		t.Fatal(err)
	}
	if _, ok := sourceBy(c, next); ok {
		t.Error("a deleted source's key is taken")
	}
	if _, ok := tokenBy(c, "dev", secret); ok {
		t.Error("a deleted token is taken")
	}
}

func TestErrors(t *testing.T) {
	c := open(t, &memory{}, Options{})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.Apply(ctx, Declared{Spaces: []DeclaredSpace{{
		ID: "live", Sources: []DeclaredSource{{ID: "ios", Name: "iOS", WriteKey: "wk_live"}}, Tokens: []DeclaredToken{{"backend", "tok_live"}},
	}}}))
	_, err := c.CreateSpace(ctx, "dev", "")
	must(err)
	_, _, err = c.CreateSource(ctx, "web", "", "dev")
	must(err)
	name := "x"
	for what, test := range map[string]struct {
		got  func() error
		want error
	}{
		"space exists":      {func() error { _, err := c.CreateSpace(ctx, "dev", ""); return err }, ErrExists},
		"space without ID":  {func() error { _, err := c.CreateSpace(ctx, "", ""); return err }, ErrInvalid},
		"space with slash":  {func() error { _, err := c.CreateSpace(ctx, "a/b", ""); return err }, ErrInvalid},
		"space of dots":     {func() error { _, err := c.CreateSpace(ctx, "..", ""); return err }, ErrInvalid},
		"declared space":    {func() error { _, err := c.RenameSpace(ctx, "live", "x"); return err }, ErrDeclared},
		"no such space":     {func() error { _, err := c.RenameSpace(ctx, "x", "x"); return err }, ErrNotFound},
		"source exists":     {func() error { _, _, err := c.CreateSource(ctx, "ios", "", "live"); return err }, ErrExists},
		"source of nothing": {func() error { _, _, err := c.CreateSource(ctx, "ios", ""); return err }, ErrInvalid},
		"source of no space": {func() error {
			_, _, err := c.CreateSource(ctx, "ios", "", "dev", "x")
			return err
		}, ErrNotFound},
		"declared source": {func() error {
			_, err := c.UpdateSource(ctx, "live", "ios", SourceChange{Name: &name})
			return err
		}, ErrDeclared},
		"source left without": {func() error {
			_, err := c.UpdateSource(ctx, "dev", "web", SourceChange{Spaces: []string{}})
			return err
		}, ErrInvalid},
		"rotate declared":     {func() error { _, _, err := c.RotateKey(ctx, "live", "ios", 0); return err }, ErrDeclared},
		"delete declared":     {func() error { return c.DeleteSource(ctx, "live", "ios") }, ErrDeclared},
		"delete wrong source": {func() error { return c.DeleteSource(ctx, "live", "web") }, ErrNotFound},
		"declared token":      {func() error { return c.DeleteToken(ctx, "live", "backend") }, ErrDeclared},
		"token exists":        {func() error { _, _, err := c.CreateToken(ctx, "live", "backend"); return err }, ErrExists},
		"token without name":  {func() error { _, _, err := c.CreateToken(ctx, "live", ""); return err }, ErrInvalid},
		"list of no space":    {func() error { _, err := c.Sources(ctx, "x"); return err }, ErrNotFound},
	} {
		if err := test.got(); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", what, err, test.want)
		}
	}
}

func TestApply(t *testing.T) {
	m := &memory{}
	c := open(t, m, Options{})
	apply := func(spaces ...DeclaredSpace) {
		t.Helper()
		if err := c.Apply(ctx, Declared{spaces}); err != nil {
			t.Fatal(err)
		}
	}
	dev := DeclaredSpace{ID: "dev", Name: "Development", Rules: true,
		Sources: []DeclaredSource{{ID: "web", Name: "Web", WriteKey: "wk_one"}, {ID: "ios", Name: "iOS", WriteKey: "wk_two"}},
		Tokens:  []DeclaredToken{{"backend", "tok_one"}}}
	prod := DeclaredSpace{ID: "prod", Sources: []DeclaredSource{{ID: "web", Name: "Web", WriteKey: "wk_one"}}}
	apply(dev, prod)
	if src, ok := sourceBy(c, "wk_one"); !ok || fmt.Sprint(src.Spaces) != "[dev prod]" || !src.Declared {
		t.Errorf("a source of two spaces: %+v", src)
	}
	// Applying the same again writes nothing.
	commits := m.commits
	apply(dev, prod)
	if m.commits != commits {
		t.Error("an unchanged file was written again")
	}
	// Keys that change places, and a source that is renamed.
	dev.Sources = []DeclaredSource{{ID: "web", Name: "Web", WriteKey: "wk_two"}, {ID: "iphone", Name: "iOS", WriteKey: "wk_one"}}
	prod.Sources = nil
	apply(dev, prod)
	for key, id := range map[string]string{"wk_two": "web", "wk_one": "iphone"} {
		if src, ok := sourceBy(c, key); !ok || src.ID != id || fmt.Sprint(src.Spaces) != "[dev]" {
			t.Errorf("%s: %+v, want %s of dev", key, src, id)
		}
	}
	// What is no longer declared stays and can be changed.
	apply()
	if sp, err := c.Space(ctx, "dev"); err != nil || sp.Declared || sp.RulesDeclared {
		t.Errorf("space: %+v, %v", sp, err)
	}
	if _, ok := tokenBy(c, "dev", "tok_one"); !ok {
		t.Error("the token is gone")
	}
	if err := c.DeleteToken(ctx, "dev", "backend"); err != nil {
		t.Error(err)
	}
	if err := c.DeleteSource(ctx, "dev", "web"); err != nil {
		t.Error(err)
	}
	// What the API made is taken over by the file.
	if _, _, err := c.CreateSource(ctx, "web", "", "dev", "prod"); err != nil {
		t.Fatal(err)
	}
	apply(DeclaredSpace{ID: "dev", Sources: []DeclaredSource{{ID: "web", Name: "", WriteKey: "wk_new"}}})
	if src, err := c.Source(ctx, "dev", "web"); err != nil || !src.Declared || fmt.Sprint(src.Spaces) != "[dev]" {
		t.Errorf("%+v, %v", src, err)
	}
	if list, err := c.Sources(ctx, "dev"); err != nil || len(list) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestApplyReportsAllMistakes(t *testing.T) {
	c := open(t, &memory{}, Options{})
	err := c.Apply(ctx, Declared{Spaces: []DeclaredSpace{
		{ID: "a b", Sources: []DeclaredSource{{ID: "web", Name: "", WriteKey: "wk_one"}, {ID: "ios", Name: "", WriteKey: "wk_one"}, {ID: "web", Name: "", WriteKey: "wk_two"}, {ID: "x", Name: "", WriteKey: ""}}},
		{ID: "dev", Tokens: []DeclaredToken{{"", "tok_1"}, {"b", "tok_1"}, {"b", "tok_2"}}},
		{ID: "dev"},
	}})
	if !errors.Is(err, ErrInvalid) {
		t.Fatal(err)
	}
	for _, want := range []string{`id "a b"`, `has the write_key of source "web"`, `source "web" of space "a b" is declared twice`,
		"shorter than 4", "has no name", `token "b" of space "dev" is declared twice`, `space "dev" is declared twice`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
	if len(c.Spaces(ctx)) != 0 {
		t.Error("something was changed")
	}
}

func TestOtherNodesSeeChanges(t *testing.T) {
	m := &memory{shared: true}
	var mu sync.Mutex
	now := time.Unix(1e9, 0)
	clock := Options{Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }}
	pass := func(d time.Duration) { mu.Lock(); now = now.Add(d); mu.Unlock() }
	a, b := open(t, m, clock), open(t, m, clock)
	first, err := a.Bootstrap(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := b.Bootstrap(ctx); again != nil || err != nil {
		t.Fatalf("both nodes made the first space: %v", err)
	}
	_, key, err := a.CreateSource(ctx, "web", "", "dev")
	if err != nil {
		t.Fatal(err)
	}
	// A miss looks again, however short a time ago somebody looked.
	for range 3 {
		if _, ok := sourceBy(b, key); !ok {
			t.Fatal("another node's new key is not found")
		}
		if _, key, err = a.RotateKey(ctx, "dev", "web", 0); err != nil {
			t.Fatal(err)
		}
	}
	// A key that was taken away is refused within a second, by a node that rested
	// too.
	if err := a.DeleteSource(ctx, "dev", first.Source); err != nil {
		t.Fatal(err)
	}
	pass(time.Second)
	if _, ok := sourceBy(b, first.WriteKey); ok {
		t.Error("a deleted write key is taken a second later")
	}
	if _, ok := tokenBy(b, "dev", first.Token); !ok {
		t.Error("the token is gone too")
	}
	if err := a.DeleteToken(ctx, "dev", first.TokenName); err != nil {
		t.Fatal(err)
	}
	pass(time.Hour)
	if _, ok := tokenBy(b, "dev", first.Token); ok {
		t.Error("a deleted token is taken an hour later")
	}
	if _, err := a.RenewAdmin(ctx); err != nil {
		t.Fatal(err)
	}
	admin, err := a.RenewAdmin(ctx)
	if err != nil || !b.IsAdmin(ctx, admin) {
		t.Errorf("another node's new admin token is refused: %v", err)
	}
}

func TestUnknownOutcome(t *testing.T) {
	for _, written := range []bool{true, false} {
		m := &memory{}
		c := open(t, m, Options{})
		m.outcome = func(commit func() error) error {
			m.outcome = nil
			if written {
				if err := commit(); err != nil {
					return err
				}
			}
			return kv.ErrUnknown
		}
		if _, err := c.CreateSpace(ctx, "dev", ""); err != nil {
			t.Errorf("written %v: %v", written, err)
		}
		if _, err := c.Space(ctx, "dev"); err != nil || m.commits != 1 {
			t.Errorf("written %v: %v after %d commits", written, err, m.commits)
		}
	}
}

func TestConcurrentChanges(t *testing.T) {
	m := &memory{shared: true}
	nodes := []*Catalog{open(t, m, Options{}), open(t, m, Options{})}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if _, err := nodes[i%2].CreateSpace(ctx, fmt.Sprintf("space-%d", i), ""); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := len(open(t, m, Options{}).Spaces(ctx)); got != 20 {
		t.Errorf("%d spaces, want 20", got)
	}
}

func TestAuditTrail(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	c := open(t, &memory{}, Options{Now: func() time.Time { now = now.Add(time.Second); return now }})
	as := audit.With(ctx, audit.Actor{By: "admin token", For: "ann\x00", Why: "a\nnew shop"})
	for _, id := range []string{"dev", "prod"} {
		if _, err := c.CreateSpace(as, id, ""); err != nil {
			t.Fatal(err)
		}
	}
	_, key, err := c.CreateSource(as, "web", "", "dev", "prod")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.RotateKey(as, "dev", "web", 0); err != nil {
		t.Fatal(err)
	}
	if _, err := c.UpdateSource(as, "dev", "web", SourceChange{Spaces: []string{"dev"}}); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteSource(ctx, "dev", "web"); err != nil {
		t.Fatal(err)
	}
	told := func(space string) (out []string) {
		for next := ""; ; {
			page, err := c.Audit(ctx, space, 2, next)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Entries {
				out = append(out, e.Action+" by "+e.By+" for "+e.For)
				if strings.Contains(string(e.Detail), key) {
					t.Error("the trail holds a secret")
				}
			}
			if next = page.Next; next == "" {
				return out
			}
		}
	}
	if got, want := strings.Join(told("dev"), "\n"), `source.delete by selfsame for 
source.change by admin token for ann
source.rotate by admin token for ann
source.create by admin token for ann
space.create by admin token for ann`; got != want {
		t.Errorf("dev:\n%s", got)
	}
	// prod hears that it lost the source, and nothing of what came after.
	if got, want := strings.Join(told("prod"), "\n"), `source.change by admin token for ann
source.rotate by admin token for ann
source.create by admin token for ann
space.create by admin token for ann`; got != want {
		t.Errorf("prod:\n%s", got)
	}
	if _, err := c.Audit(ctx, "dev", 2, "nonsense"); !errors.Is(err, ErrInvalid) {
		t.Errorf("a token of nobody's: %v", err)
	}
}
