package catalog

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kv"
)

func TestDeletedSpace(t *testing.T) {
	m := &memory{}
	c := open(t, m, Options{})
	for _, id := range []string{"dev", "prod"} {
		if _, err := c.CreateSpace(ctx, id, ""); err != nil {
			t.Fatal(err)
		}
	}
	_, alone, err := c.CreateSource(ctx, "alone", "", "dev")
	if err != nil {
		t.Fatal(err)
	}
	_, both, err := c.CreateSource(ctx, "both", "", "dev", "prod")
	if err != nil {
		t.Fatal(err)
	}
	_, token, err := c.CreateToken(ctx, "dev", "reader")
	if err != nil {
		t.Fatal(err)
	}

	preview, err := c.PreviewDeletion(ctx, "dev")
	if err != nil || len(preview.Deleted) != 1 || preview.Deleted[0].ID != "alone" || len(preview.Kept) != 1 || preview.Kept[0].ID != "both" || preview.Tokens != 1 {
		t.Fatalf("preview: %+v, %v", preview, err)
	}
	if _, err := c.Space(ctx, "dev"); err != nil {
		t.Fatalf("the preview changed something: %v", err)
	}
	loss, err := c.DeleteSpace(ctx, "dev")
	if err != nil || loss.Space.DeletedAt == nil || len(loss.Deleted) != 1 {
		t.Fatalf("%+v, %v", loss, err)
	}

	// It is gone for everybody, also after a restart; only its ID is not free.
	for _, c := range []*Catalog{c, open(t, m, Options{})} {
		if _, err := c.Space(ctx, "dev"); !errors.Is(err, ErrNotFound) {
			t.Errorf("the space: %v", err)
		}
		if _, there := c.Made("dev"); there {
			t.Error("the space is there")
		}
		if got := c.Spaces(ctx); len(got) != 1 || got[0].ID != "prod" {
			t.Errorf("the spaces: %v", got)
		}
		if got := c.DeletedSpaces(ctx); len(got) != 1 || got[0].ID != "dev" {
			t.Errorf("the deleted spaces: %v", got)
		}
		if _, ok := sourceBy(c, alone); ok {
			t.Error("the key of a source that feeds nothing is taken")
		}
		if src, ok := sourceBy(c, both); !ok || !slices.Equal(src.Spaces, []string{"prod"}) {
			t.Errorf("the source of two spaces: %v, %v", src, ok)
		}
		if _, ok := tokenBy(c, "dev", token); ok {
			t.Error("the token is taken")
		}
		for _, try := range []func() error{
			func() error { _, err := c.DeleteSpace(ctx, "dev"); return err },
			func() error { _, err := c.PreviewDeletion(ctx, "dev"); return err },
			func() error { _, err := c.RenameSpace(ctx, "dev", "x"); return err },
			func() error { _, _, err := c.CreateSource(ctx, "new", "", "dev", "prod"); return err },
			func() error { _, _, err := c.CreateToken(ctx, "dev", "new"); return err },
		} {
			if err := try(); !errors.Is(err, ErrNotFound) {
				t.Errorf("a change of the deleted space: %v", err)
			}
		}
		if _, err := c.CreateSpace(ctx, "dev", ""); !errors.Is(err, ErrDeleting) {
			t.Errorf("another one of its ID: %v", err)
		}
		if first, err := c.Bootstrap(ctx); first != nil || err != nil {
			t.Errorf("Bootstrap: %v, %v", first, err)
		}
	}

	// A declared one of its ID waits until it is gone.
	declared := Declared{Spaces: []DeclaredSpace{
		{ID: "dev", Sources: []DeclaredSource{{ID: "web", WriteKey: "wk_web_1"}, {ID: "own", WriteKey: "wk_own_1"}}, Tokens: []DeclaredToken{{"r", "tok_r_1"}}},
		{ID: "prod", Sources: []DeclaredSource{{ID: "web", WriteKey: "wk_web_1"}}},
	}}
	if err := c.Apply(ctx, declared); err != nil {
		t.Fatal(err)
	}
	if src, ok := sourceBy(c, "wk_web_1"); !ok || !slices.Equal(src.Spaces, []string{"prod"}) {
		t.Errorf("a declared source of both: %v, %v", src, ok)
	}
	if _, ok := sourceBy(c, "wk_own_1"); ok {
		t.Error("a declared source of the deleted space is there")
	}

	if err := c.ForgetSpace(ctx, loss.Space); err != nil {
		t.Fatal(err)
	}
	if err := c.Apply(ctx, declared); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Space(ctx, "dev"); err != nil || len(c.DeletedSpaces(ctx)) != 0 {
		t.Errorf("after it was erased: %v, %v", err, c.DeletedSpaces(ctx))
	}
	if src, ok := sourceBy(c, "wk_web_1"); !ok || !slices.Equal(src.Spaces, []string{"dev", "prod"}) {
		t.Errorf("a declared source of both: %v, %v", src, ok)
	}
	// Forgetting the old one again does not touch the new one.
	if err := c.ForgetSpace(ctx, loss.Space); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Space(ctx, "dev"); err != nil {
		t.Error(err)
	}
	if _, err := c.DeleteSpace(ctx, "dev"); !errors.Is(err, ErrDeclared) {
		t.Errorf("a declared space is deleted: %v", err)
	}

	page, err := c.Audit(ctx, "dev", 100, "")
	if err != nil {
		t.Fatal(err)
	}
	trail := map[string]int{}
	for _, e := range page.Entries {
		trail[e.Action]++
	}
	for _, want := range []string{"space.delete", "space.erased", "source.delete", "token.delete"} {
		if trail[want] != 1 {
			t.Errorf("the trail has %v", trail)
		}
	}
}

// What erases by an old list is stopped by its guard.
func TestGuardOfADeletion(t *testing.T) {
	m := &memory{}
	c := open(t, m, Options{})
	if _, err := c.CreateSpace(ctx, "dev", ""); err != nil {
		t.Fatal(err)
	}
	loss, err := c.DeleteSpace(ctx, "dev")
	if err != nil {
		t.Fatal(err)
	}
	commit := func(sp Space) error {
		var b kv.Batch
		RequireDeleted(&b, sp)
		b.Put([]byte("x"), nil)
		return m.Commit(ctx, &b)
	}
	restarted := open(t, m, Options{})
	if err := commit(restarted.DeletedSpaces(ctx)[0]); err != nil {
		t.Errorf("while it is being deleted: %v", err)
	}
	if err := c.ForgetSpace(ctx, loss.Space); err != nil {
		t.Fatal(err)
	}
	if err := commit(loss.Space); !errors.Is(err, kv.ErrConflict) {
		t.Errorf("afterwards: %v", err)
	}
	if _, err := c.CreateSpace(ctx, "dev", ""); err != nil {
		t.Fatal(err)
	}
	if err := commit(loss.Space); !errors.Is(err, kv.ErrConflict) {
		t.Errorf("with another one of its ID: %v", err)
	}
	if page, err := c.Audit(ctx, "nowhere", 10, ""); !errors.Is(err, ErrNotFound) {
		t.Error(fmt.Sprint(page, err))
	}
}
