package pebblekv

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// gateFS holds up the syncs of logs while its gate is shut.
type gateFS struct {
	vfs.FS
	gate sync.RWMutex
}

func (g *gateFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := g.FS.Create(name, c)
	return g.wrap(name, f), err
}

func (g *gateFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := g.FS.ReuseForWrite(old, name, c)
	return g.wrap(name, f), err
}

func (g *gateFS) wrap(name string, f vfs.File) vfs.File {
	if f == nil || !strings.HasSuffix(name, ".log") {
		return f
	}
	return &gateFile{f, g}
}

type gateFile struct {
	vfs.File
	g *gateFS
}

func (f *gateFile) Sync() error {
	f.g.gate.RLock()
	defer f.g.gate.RUnlock()
	return f.File.Sync()
}

func (f *gateFile) SyncData() error {
	f.g.gate.RLock()
	defer f.g.gate.RUnlock()
	return f.File.SyncData()
}

// TestUnsynced: while a commit waits for its sync, no reader sees it, nobody
// learns from a conflict or from a precondition that it was there, and later
// commits do not wait for more than the sync.
func TestUnsynced(t *testing.T) {
	fs := &gateFS{FS: vfs.NewMem()}
	s := open(t, fs)
	defer s.Close()
	ctx := context.Background()
	see := func() bool {
		r, err := s.Snapshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		values, err := r.Get(ctx, []byte("k"))
		if err != nil {
			t.Fatal(err)
		}
		return values[0] != nil
	}
	fs.gate.Lock()
	var wg sync.WaitGroup
	var mu sync.Mutex
	returned := 0
	start := func(want error, fill func(b *kv.Batch)) {
		wg.Go(func() {
			var b kv.Batch
			fill(&b)
			err := s.Commit(ctx, &b)
			mu.Lock()
			defer mu.Unlock()
			returned++
			if !errors.Is(err, want) {
				t.Errorf("Commit: %v, want %v", err, want)
			}
			if !see() {
				t.Error("Commit has returned and a reader does not see what it was about")
			}
		})
	}
	start(nil, func(b *kv.Batch) { b.Insert([]byte("k"), []byte("1")) })
	eventually(t, "the commit is applied", func() bool {
		s.commitMu.Lock()
		defer s.commitMu.Unlock()
		return s.last != nil
	})
	start(kv.ErrConflict, func(b *kv.Batch) { b.Insert([]byte("k"), []byte("2")) })
	start(nil, func(b *kv.Batch) { b.Require([]byte("k"), []byte("1")) })
	start(nil, func(b *kv.Batch) { b.Put([]byte("other"), nil) })
	time.Sleep(50 * time.Millisecond)
	mu.Lock()
	if returned != 0 {
		t.Errorf("%d commits returned before the sync", returned)
	}
	mu.Unlock()
	if see() {
		t.Error("a reader sees what is not synced")
	}
	fs.gate.Unlock()
	wg.Wait()
}
