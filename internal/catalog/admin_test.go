package catalog

import (
	"context"
	"testing"
)

func TestAdminTokenIsMadeOnce(t *testing.T) {
	ctx := context.Background()
	store := &memory{}
	c := open(t, store, Options{})
	if c.IsAdmin(ctx, "") {
		t.Error("nothing is the admin token before there is one")
	}
	first, err := c.BootstrapAdmin(ctx)
	if err != nil || first == "" {
		t.Fatalf("got %q, %v", first, err)
	}
	if again, err := c.BootstrapAdmin(ctx); err != nil || again != "" {
		t.Errorf("made again: %q, %v", again, err)
	}
	// After a restart it is known by its hash, and beside the other entries.
	if _, err := c.CreateSpace(ctx, "dev", ""); err != nil {
		t.Fatal(err)
	}
	c = open(t, store, Options{})
	if !c.IsAdmin(ctx, first) || c.IsAdmin(ctx, first+"x") || c.IsAdmin(ctx, "") {
		t.Error("the token is not recognised")
	}
	if again, err := c.BootstrapAdmin(ctx); err != nil || again != "" {
		t.Errorf("made again after a restart: %q, %v", again, err)
	}
	second, err := c.RenewAdmin(ctx)
	if err != nil || second == "" || !c.IsAdmin(ctx, second) || c.IsAdmin(ctx, first) {
		t.Errorf("renewed: %q, %v", second, err)
	}
	for _, value := range store.entries {
		if string(value) == second {
			t.Error("the token stands in the store")
		}
	}
}
