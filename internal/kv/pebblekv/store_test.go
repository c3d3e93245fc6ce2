package pebblekv

import (
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
)

// testOptions are for a store on fs: small, silent, and without a reserve.
func testOptions(fs vfs.FS) Options {
	return Options{FS: fs, CacheBytes: 8 << 20, MemtableBytes: 4 << 20, ReserveBytes: -1, Logger: slog.New(slog.DiscardHandler)}
}

func open(t testing.TB, fs vfs.FS) *Store {
	t.Helper()
	s, err := Open("data", testOptions(fs))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	var disks sync.Map // kv.Store to its vfs.FS
	on := func(t testing.TB, fs vfs.FS) kv.Store {
		s := open(t, fs)
		disks.Store(s, fs)
		return s
	}
	diskOf := func(s kv.Store) *vfs.MemFS {
		fs, _ := disks.Load(s)
		return fs.(*vfs.MemFS)
	}
	rng := rand.New(rand.NewPCG(6, 7))
	kvtest.Run(t, kvtest.Backend{
		Tracks: true,
		Open:   func(t testing.TB) kv.Store { return on(t, vfs.NewCrashableMem()) },
		Reopen: func(t testing.TB, s kv.Store) kv.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return on(t, diskOf(s))
		},
		Crash: func(t testing.TB, s kv.Store) kv.Store {
			after := diskOf(s).CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
			t.Cleanup(func() { s.Close() })
			again := on(t, after)
			if lost := again.(*Store).Losses(); len(lost) > 0 {
				t.Errorf("after a crash that lost nothing, the store says %+v", lost)
			}
			return again
		},
	})
}

// TestDisk runs what depends on the file system on a real directory.
func TestDisk(t *testing.T) {
	var dirs sync.Map
	on := func(t testing.TB, dir string) kv.Store {
		s, err := Open(dir, testOptions(nil))
		if err != nil {
			t.Fatal(err)
		}
		dirs.Store(s, dir)
		return s
	}
	kvtest.Run(t, kvtest.Backend{
		Open: func(t testing.TB) kv.Store { return on(t, t.TempDir()) },
		Reopen: func(t testing.TB, s kv.Store) kv.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			dir, _ := dirs.Load(s)
			return on(t, dir.(string))
		},
		Only: []string{"LargeBatches", "Counters", "WholeBatches", "Close", "Reopen"},
	})
}
