package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/config"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/pebblekv"
	"github.com/selfsame-id/selfsame/internal/space"
)

// storeDir is the store's place in the data directory.
const storeDir = "store"

// Engine is an open data directory: the store, the catalog and the spaces, not
// served to anybody. Commands on a stopped server's directory work on it, and
// Serve puts HTTP in front of it.
type Engine struct {
	cfg     config.Config
	log     *slog.Logger
	store   *pebblekv.Store
	catalog *catalog.Catalog
	share   share

	mu     sync.Mutex
	spaces map[string]*space.Space
	closed bool
}

// Declaring says whether opening brings the catalog into line with the spaces
// that the configuration declares.
type Declaring bool

// Declare does; Leave leaves the catalog as it is, for a command that was given
// no configuration file.
const (
	Declare Declaring = true
	Leave   Declaring = false
)

// Open opens the data directory of cfg, making it on first use. Spaces are
// opened when they are asked for.
func Open(ctx context.Context, cfg config.Config, log *slog.Logger, d Declaring) (*Engine, error) {
	e := &Engine{cfg: cfg, log: log, spaces: map[string]*space.Space{}}
	var err error
	e.store, err = pebblekv.Open(filepath.Join(cfg.Data, storeDir), pebblekv.Options{
		CacheBytes: storeShare(cfg.Memory),
		Logger:     log,
	})
	if err != nil {
		return nil, explain(cfg.Data, err)
	}
	if e.catalog, err = catalog.Open(ctx, e.store, catalog.Options{}); err == nil && d == Declare {
		err = e.declare(ctx)
	}
	if err != nil {
		return nil, errors.Join(explain(cfg.Data, err), e.store.Close())
	}
	e.share = spaceShare(cfg.Memory, len(e.catalog.Spaces(ctx)))
	return e, nil
}

// Catalog is the engine's catalog.
func (e *Engine) Catalog() *catalog.Catalog { return e.catalog }

// Space returns a space of the catalog, open. catalog.ErrNotFound says that
// there is none of that ID.
func (e *Engine) Space(ctx context.Context, id string) (*space.Space, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s := e.spaces[id]; s != nil {
		return s, nil
	}
	if e.closed {
		return nil, space.ErrClosed
	}
	if _, err := e.catalog.Space(ctx, id); err != nil {
		return nil, err
	}
	s, err := space.Open(ctx, e.store, space.Config{
		ID:           id,
		Log:          e.log,
		Rules:        e.rules(id),
		DedupeWindow: time.Duration(e.cfg.DedupeWindow),
		DedupeBytes:  e.share.dedupe,
		CacheBytes:   e.share.cache,
	})
	if err != nil {
		return nil, fmt.Errorf("open space %s: %w", id, err)
	}
	e.spaces[id] = s
	return s, nil
}

// OpenAll opens every space of the catalog.
func (e *Engine) OpenAll(ctx context.Context) error {
	for _, sp := range e.catalog.Spaces(ctx) {
		if _, err := e.Space(ctx, sp.ID); err != nil {
			return err
		}
	}
	return nil
}

// open lists the spaces that are open, in order of ID.
func (e *Engine) open() []*space.Space {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]*space.Space, 0, len(e.spaces))
	for _, s := range e.spaces {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *space.Space) int {
		if a.ID() < b.ID() {
			return -1
		}
		return 1
	})
	return out
}

// Close lets the spaces finish what they accepted and closes the store. When
// ctx ends first, what was not acknowledged yet is given up.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	var wrong []error
	for _, s := range e.open() {
		if err := s.Close(ctx); err != nil {
			wrong = append(wrong, fmt.Errorf("close space %s: %w", s.ID(), err))
		}
	}
	if err := e.store.Close(); err != nil {
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

// explain adds to an error of the store what can be done about it.
func explain(dir string, err error) error {
	what := ""
	switch {
	case errors.Is(err, kv.ErrLocked):
		what = "it is in use by another Selfsame: stop that one, or choose another directory with --data"
	case errors.Is(err, kv.ErrNoSpace):
		what = "the disk is full: free some space on it or move the data directory to a larger one; nothing that was acknowledged is lost"
	case errors.Is(err, kv.ErrTooNew), errors.Is(err, space.ErrTooNew):
		what = "a newer version of Selfsame has written this directory: run that version or a newer one"
	case errors.Is(err, kv.ErrCorrupt):
		what = "files in this directory are damaged: keep a copy of it, check the disk, and put back your last backup"
	case errors.Is(err, kv.ErrReadOnly):
		what = "the directory takes no writes: check the mount and its permissions"
	default:
		return fmt.Errorf("data directory %s: %w", dir, err)
	}
	return fmt.Errorf("data directory %s: %s (%w)", dir, what, err)
}

// HasData reports whether a directory is the data directory of a server.
func HasData(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, storeDir))
	return err == nil && info.IsDir()
}
