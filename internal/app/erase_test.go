package app

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/config"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/space"
)

// A deleted space is erased by the next server, its handle is closed, and a declared
// one of its ID is made when that is done.
func TestDeletedSpaceMakesRoomForADeclaredOne(t *testing.T) {
	ctx := t.Context()
	quiet := slog.New(slog.DiscardHandler)
	cfg := config.Default()
	cfg.Data = t.TempDir()
	engine := func() *Engine {
		t.Helper()
		e, err := Open(ctx, cfg, quiet, Declare)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	stop := func(e *Engine) {
		t.Helper()
		if err := e.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	e := engine()
	if _, err := e.catalog.CreateSpace(ctx, "trial", "The old one"); err != nil {
		t.Fatal(err)
	}
	s, err := e.Space(ctx, "trial")
	if err != nil {
		t.Fatal(err)
	}
	m, err := event.Parse([]byte(`{"type":"track","event":"A","userId":"ann","messageId":"1"}`), event.Envelope{ReceivedAt: time.Now().UnixNano()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Ingest(ctx, space.Delivery{Source: "web", Messages: []event.Message{m}}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.catalog.DeleteSpace(ctx, "trial"); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Space(ctx, "trial"); err == nil {
		t.Error("a deleted space is given out")
	}
	stop(e)

	cfg.Spaces = []config.Space{{ID: "trial", Name: "The new one"}}
	e = engine()
	if _, err := e.Space(ctx, "trial"); err == nil {
		t.Error("a space whose ID is being erased is given out")
	}
	e.erasing.start(e)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, there := e.catalog.Made("trial"); there {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the declared space is not there after a minute")
		}
	}
	s, err = e.Space(ctx, "trial")
	if err != nil {
		t.Fatal(err)
	}
	if n := s.Stats().Profiles; n != 0 {
		t.Errorf("the new space has %d profiles", n)
	}

	// One that is deleted while it is open is closed, though somebody holds it.
	cfg.Spaces = nil
	stop(e)
	e = engine()
	if s, err = e.Space(ctx, "trial"); err != nil {
		t.Fatal(err)
	}
	e.erasing.start(e)
	if _, err := e.catalog.DeleteSpace(ctx, "trial"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); e.holds("trial"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the space is open after a minute")
		}
	}
	if _, err := s.Ingest(ctx, space.Delivery{Source: "web", Messages: []event.Message{m}}); err == nil {
		t.Error("a deleted space takes events")
	}
	stop(e)
}
