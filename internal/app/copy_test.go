package app

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/selfsame-id/selfsame/internal/config"
)

func TestACopyThatWasBrokenOff(t *testing.T) {
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	from, to := config.Default(), config.Default()
	from.Data, to.Data = filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
	e, err := Open(ctx, from, log, Declare)
	if err != nil {
		t.Fatal(err)
	}
	first, err := e.Catalog().Bootstrap(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(ctx); err != nil {
		t.Fatal(err)
	}

	broken, end := context.WithCancel(ctx)
	_, err = Copy(broken, from, to, log, func(CopyStage, Tally, int64) { end() })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("a cancelled copy: %v", err)
	}
	if _, err := Open(ctx, to, log, Declare); !errors.Is(err, ErrUnfinishedCopy) {
		t.Errorf("an unfinished copy opens with %v", err)
	}
	if _, err := Copy(ctx, to, from, log, func(CopyStage, Tally, int64) {}); !errors.Is(err, ErrUnfinishedCopy) {
		t.Errorf("an unfinished copy is copied with %v", err)
	}
	copied, err := Copy(ctx, from, to, log, func(CopyStage, Tally, int64) {})
	if err != nil || copied.Rows == 0 {
		t.Fatalf("begun anew: %+v, %v", copied, err)
	}
	if _, err := Copy(ctx, from, to, log, func(CopyStage, Tally, int64) {}); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("over a copy: %v", err)
	}
	if e, err = Open(ctx, to, log, Declare); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Catalog().Space(ctx, first.Space); err != nil {
		t.Error(err)
	}
	if err := e.Close(ctx); err != nil {
		t.Fatal(err)
	}
}
