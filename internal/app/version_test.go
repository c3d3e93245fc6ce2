package app

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/config"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// A store of another version is neither opened nor copied, whatever asks, and
// the error says which version to run.
func TestOtherVersion(t *testing.T) {
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	cfg := config.Default()
	cfg.Data = filepath.Join(t.TempDir(), "data")
	for _, c := range []struct {
		version []byte
		want    error
		says    string
	}{
		{binary.AppendUvarint(nil, 1<<40), codec.ErrTooNew, "a newer version of Selfsame has written this directory"},
		{[]byte{0}, space.ErrTooOld, "import the events again"},
		{[]byte{0x80}, kv.ErrCorrupt, "damaged"},
		{[]byte{}, kv.ErrCorrupt, "damaged"},
	} {
		s, err := placeOf(cfg).open(ctx, cfg, log)
		if err != nil {
			t.Fatal(err)
		}
		var b kv.Batch
		b.Put(codec.StoreSchema, c.version)
		if err := s.Commit(ctx, &b); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for _, d := range []Declaring{Leave, Declare} {
			if _, err := Open(ctx, cfg, log, d); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("version %x opens with %v", c.version, err)
			}
		}
		to := config.Default()
		to.Data = filepath.Join(t.TempDir(), "copy")
		if _, err := Copy(ctx, cfg, to, log, func(CopyStage, Tally, int64) {}); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("version %x is copied with %v", c.version, err)
		}
		if HasData(to.Data) {
			t.Errorf("version %x: the copy has begun", c.version)
		}
	}
}
