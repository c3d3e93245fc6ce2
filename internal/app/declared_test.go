package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/config"
	"github.com/selfsame-id/selfsame/internal/space/computed"
)

// Definitions of the configuration are in force from the start on, and cannot be changed
// elsewhere; a mistake in them keeps the space from opening and changes nothing.
func TestDeclaredDefinitions(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("selfsame.yaml", "data: "+filepath.Join(dir, "data")+"\nspaces: [{id: dev, definitions: dev.yaml}]\n")
	// inForce starts, and lists the keys that are defined.
	inForce := func() (keys []string, revision uint64, err error) {
		t.Helper()
		cfg, err := config.Load(config.Origins{File: filepath.Join(dir, "selfsame.yaml"), Env: func(string) (string, bool) { return "", false }})
		if err != nil {
			t.Fatal(err)
		}
		e, err := Open(ctx, cfg, slog.New(slog.DiscardHandler), Declare)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := e.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		if err := e.OpenAll(ctx); err != nil {
			return nil, 0, err
		}
		dev := e.open()[0]
		all, err := dev.DefinitionsStatus(ctx)
		if err != nil || !all.Declared {
			t.Fatalf("declared: %v, %v", all.Declared, err)
		}
		for _, d := range all.Definitions {
			keys = append(keys, d.Key)
		}
		if _, err := dev.ApplyDefinitions(ctx, []byte("traits: {}\n"), nil); !errors.Is(err, computed.ErrDeclared) {
			t.Errorf("changed elsewhere: %v", err)
		}
		destinations, err := dev.DestinationsDocument(ctx)
		if err != nil || !strings.Contains(string(destinations), "spool") {
			t.Errorf("destinations: %s, %v", destinations, err)
		}
		return keys, all.Revision, nil
	}
	const spool = "destinations:\n  spool: {type: file, send: {traits: all}, file: {path: spool.ndjson}}\n"
	write("dev.yaml", "traits:\n  a: {event: A, kind: count}\n"+spool)
	for range 2 { // starting again changes nothing
		keys, revision, err := inForce()
		if err != nil || revision != 1 || strings.Join(keys, " ") != "a" {
			t.Fatalf("%v, revision %d, %v", keys, revision, err)
		}
	}
	write("dev.yaml", "traits:\n  a: {event: A, kind: guess}\n")
	if _, _, err := inForce(); err == nil || !strings.Contains(err.Error(), "dev.yaml") || !strings.Contains(err.Error(), "traits.a.kind") {
		t.Fatalf("a mistake: %v", err)
	}
	write("dev.yaml", "traits:\n  b: {event: B, kind: count}\n"+spool)
	if keys, revision, err := inForce(); err != nil || revision != 2 || strings.Join(keys, " ") != "b" {
		t.Fatalf("changed: %v, revision %d, %v", keys, revision, err)
	}
}
