package pebblekv

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// reserveFile is given up when the disk is full, so that the engine can finish
// what it has begun: an engine that cannot write its log or its manifest
// cannot go on. The engine leaves files with such names alone.
const reserveFile = "RESERVE"

// space watches how much room the file system has left.
//
// Two guards, because the engine must not meet a full disk: free space is
// looked at now and then, and under minFree no commit is taken; and when a
// write meets a full disk all the same, the reserve is given up and the write
// is tried again, and no commit is taken until free space is seen again.
type space struct {
	inner   vfs.FS // without the full-disk hook
	dir     string
	minFree int64
	reserve int64
	every   time.Duration

	full atomic.Bool  // take no commits
	free atomic.Int64 // bytes left when last looked at; -1: not known

	mu      sync.Mutex // guards the reserve file
	present bool
	lost    int // times the reserve was given up
}

func (sp *space) init(inner vfs.FS, dir string, o *Options) {
	sp.inner, sp.dir = inner, dir
	sp.minFree, sp.reserve, sp.every = o.MinFree, o.ReserveBytes, o.SpaceCheck
	sp.free.Store(-1)
}

// fs returns the file system for the engine: one that gives up the reserve
// when the disk is full, and then tries once more.
func (sp *space) fs() vfs.FS {
	return vfs.OnDiskFull(sp.inner, sp.giveUpReserve)
}

func (sp *space) path() string { return sp.inner.PathJoin(sp.dir, reserveFile) }

// giveUpReserve runs while all writes of the engine wait.
func (sp *space) giveUpReserve() {
	sp.full.Store(true)
	sp.mu.Lock()
	defer sp.mu.Unlock()
	sp.lost++
	sp.present = false
	// If it cannot be removed, the write fails again and the engine says so.
	_ = sp.inner.Remove(sp.path())
}

// err returns kv.ErrNoSpace while commits are not taken.
func (sp *space) err() error {
	if !sp.full.Load() {
		return nil
	}
	return fmt.Errorf("%w: %s has %d MiB left and needs %d MiB", kv.ErrNoSpace,
		sp.dir, max(sp.free.Load(), 0)>>20, max(sp.minFree, 0)>>20)
}

// roomFor reports whether bytes more can be written for certain, as far as the
// file system tells. Where it tells nothing, a disk that was full is taken for full.
func (sp *space) roomFor(bytes int64) bool {
	if sp.full.Load() {
		return false
	}
	if usage, err := sp.inner.GetDiskUsage(sp.dir); err == nil {
		return int64(min(usage.AvailBytes, 1<<62)) >= bytes
	}
	sp.mu.Lock()
	defer sp.mu.Unlock()
	return sp.lost == 0
}

// watch looks at the free space until stop is closed.
func (sp *space) watch(stop <-chan struct{}, log *slog.Logger) {
	tick := time.NewTicker(sp.every)
	defer tick.Stop()
	for {
		sp.look(log)
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}

// look sets full from what the file system says, and lays down the reserve
// when there is room for it.
func (sp *space) look(log *slog.Logger) {
	sp.mu.Lock()
	lost := sp.lost
	sp.mu.Unlock()
	free := int64(-1)
	usage, err := sp.inner.GetDiskUsage(sp.dir)
	if err == nil { // an in-memory file system has none
		free = int64(min(usage.AvailBytes, 1<<62))
	}
	sp.free.Store(free)
	was := sp.full.Load()

	sp.mu.Lock()
	defer sp.mu.Unlock()
	room := free < 0 || free >= max(sp.minFree, 0)
	if room && !sp.present && sp.reserve > 0 && (free < 0 || free >= max(sp.minFree, 0)+sp.reserve) {
		sp.present = sp.layDown() == nil
	}
	// While the reserve is gone, free space must be enough for it too: else a
	// disk at the brink would be taken for one with room.
	if was && !sp.present && sp.reserve > 0 {
		room = false
	}
	if lost != sp.lost { // given up just now; look again before believing
		return
	}
	sp.full.Store(!room)
	switch {
	case was && room:
		log.Info("there is room on the disk again: commits are taken", "free_bytes", free)
	case !room && !was:
		log.Error("the disk is full: no commits are taken until there is room", "free_bytes", free, "needed_bytes", sp.minFree)
	}
}

// layDown writes the reserve file: real bytes, for a sparse file reserves
// nothing. The caller holds mu.
func (sp *space) layDown() (err error) {
	if st, err := sp.inner.Stat(sp.path()); err == nil && st.Size() == sp.reserve {
		return nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := sp.inner.Create(sp.path(), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			_ = sp.inner.Remove(sp.path())
		}
	}()
	chunk := make([]byte, 1<<20)
	for left := sp.reserve; left > 0; {
		n, err := f.Write(chunk[:min(left, int64(len(chunk)))])
		if err != nil {
			return err
		}
		left -= int64(n)
	}
	return f.Sync()
}
