package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/selfsame-id/selfsame/internal/config"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/pebblekv"
	"github.com/selfsame-id/selfsame/internal/kv/pgkv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// storeDir is the store's place in the data directory.
const storeDir = "store"

// place is where a store lies: in a directory, or in a database that several
// nodes share.
type place struct {
	dir string
	url config.StoreURL // "": in dir
}

func placeOf(cfg config.Config) place {
	if cfg.Store != "" {
		return place{url: cfg.Store}
	}
	return place{dir: cfg.Data}
}

// String names the place for people, without passwords.
func (p place) String() string {
	if p.url != "" {
		return p.url.String()
	}
	return p.dir
}

// open opens the store, making it on first use.
func (p place) open(ctx context.Context, cfg config.Config, log *slog.Logger) (kv.Store, error) {
	if p.url != "" {
		s, err := pgkv.Open(ctx, string(p.url), pgkv.Options{PoolSize: cfg.StoreConnections, Logger: log})
		if err != nil {
			return nil, p.explain(err)
		}
		return s, nil
	}
	b := budgetOf(cfg.Memory, false)
	s, err := pebblekv.Open(filepath.Join(p.dir, storeDir), pebblekv.Options{CacheBytes: b.blocks, MemtableBytes: uint64(b.memtable), Tracked: query.Tracked, Logger: log})
	if err != nil {
		return nil, p.explain(err)
	}
	if err := keepPrivate(p.dir); err != nil {
		log.Warn("others may be able to read the data directory: its permissions cannot be changed", "error", err)
	}
	return s, nil
}

// keepPrivate takes from a data directory the rights of others, if it is one and
// nothing else: somebody may have named a directory that holds more than the
// store, which is private in any case.
func keepPrivate(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != storeDir {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return err
	}
	return os.Chmod(dir, 0o700)
}

// explain adds to an error of the store what can be done about it.
func (p place) explain(err error) error {
	if p.url != "" {
		return p.explainShared(err)
	}
	what := ""
	switch {
	case errors.Is(err, kv.ErrLocked):
		what = "it is in use by another Selfsame: stop that one, or choose another directory with --data"
	case errors.Is(err, kv.ErrNoSpace):
		what = "the disk is full: free some space on it or move the data directory to a larger one; nothing that was acknowledged is lost"
	case errors.Is(err, kv.ErrTooNew), errors.Is(err, codec.ErrTooNew):
		what = "a newer version of Selfsame has written this directory: run that version or a newer one"
	case errors.Is(err, space.ErrTooOld):
		what = "an older version of Selfsame has written this directory, and this one cannot read it: choose an empty directory and import the events again, or run the older version"
	case errors.Is(err, kv.ErrIncomplete):
		what = "files that name the others are missing, so the data cannot be opened, and nothing was changed: put the missing files back if you have them, or your last backup in place of the whole directory"
	case errors.Is(err, kv.ErrCorrupt):
		what = "files in this directory are damaged: keep a copy of it, check the disk, and restore your last backup"
	case errors.Is(err, kv.ErrReadOnly):
		what = "the directory is not writable: check the mount and its permissions"
	default:
		return fmt.Errorf("data directory %s: %w", p, err)
	}
	return fmt.Errorf("data directory %s: %s (%w)", p, what, err)
}

// explainShared is explain for a database.
func (p place) explainShared(err error) error {
	what := ""
	switch {
	case errors.Is(err, kv.ErrUnavailable):
		what = "the database cannot be reached: check that it is running, its address, and that it accepts connections from this machine"
	case errors.Is(err, kv.ErrNoSpace):
		what = "the database's disk is full: give it more room; nothing that was acknowledged is lost"
	case errors.Is(err, kv.ErrTooOld):
		what = "the database server is too old: PostgreSQL 15 or newer is needed"
	case errors.Is(err, kv.ErrTooNew), errors.Is(err, codec.ErrTooNew):
		what = "a newer version of Selfsame has written this store: run that version or a newer one on every node"
	case errors.Is(err, space.ErrTooOld):
		what = "an older version of Selfsame has written this store, and this one cannot read it: choose an empty database and import the events again, or run the older version"
	case errors.Is(err, kv.ErrReadOnly):
		what = "the database is read-only, as a standby is: name the primary, or all servers separated by commas"
	case errors.Is(err, pgkv.ErrLogin):
		what = "the database refuses the user: check name and password; the password may be in the URL or in PGPASSWORD"
	case errors.Is(err, pgkv.ErrNoDatabase):
		what = "there is no database of this name: create it (CREATE DATABASE … OWNER …), or name another one"
	case errors.Is(err, pgkv.ErrNotAllowed):
		what = "the user may not create tables there: make it the owner of the database (ALTER DATABASE … OWNER TO …)"
	case errors.Is(err, kv.ErrCorrupt):
		what = "data in the database is damaged: keep a copy, check its disk, and restore your last backup"
	default:
		return fmt.Errorf("store %s: %w", p, err)
	}
	return fmt.Errorf("store %s: %s (%w)", p, what, err)
}

// HasData reports whether a directory is the data directory of a server.
func HasData(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, storeDir))
	return err == nil && info.IsDir()
}

// answerTime is how long a shared store may take to answer before a load
// balancer is told to send requests elsewhere.
const answerTime = 2 * time.Second

// healthy says why the store cannot serve requests now.
func (e *Engine) healthy(ctx context.Context) error {
	if s, ok := e.store.(*pebblekv.Store); ok {
		if s.Stats().Failed {
			return errors.New("the store takes no commits since an error; restart the server")
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	r, err := e.store.Snapshot(ctx)
	if err == nil {
		_, err = r.Get(ctx, []byte{0})
		r.Close()
	}
	if err != nil {
		// What the database says may name its users and hosts: the log has it.
		e.log.Debug("the store does not answer", "error", err)
		return errors.New("the store does not answer")
	}
	return nil
}
