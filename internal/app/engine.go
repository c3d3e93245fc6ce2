package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/config"
	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/computed"
	"github.com/selfsame-id/selfsame/internal/space/duplicates"
	"github.com/selfsame-id/selfsame/internal/space/export"
	"github.com/selfsame-id/selfsame/internal/space/overrides"
	"github.com/selfsame-id/selfsame/internal/space/query"
	"github.com/selfsame-id/selfsame/internal/space/rules"
	"github.com/selfsame-id/selfsame/internal/space/search"
	"github.com/selfsame-id/selfsame/internal/space/watch"
	"github.com/selfsame-id/selfsame/internal/task"
)

// Engine is an open store with its catalog and spaces, not served to anybody.
// Commands on a stopped server's directory or on a shared store work on it, and
// Serve puts HTTP in front of it.
type Engine struct {
	cfg     config.Config
	log     *slog.Logger
	store   kv.Store
	place   place // of the store, for messages
	catalog *catalog.Catalog
	tasks   *task.Scheduler // the background work of all spaces
	budget  budget          // of memory
	memory  *task.Task      // divides what spaces have of it among them

	serving   bool                   // set before a server opens its spaces
	listening atomic.Pointer[string] // where it is reached on this machine; nil: not yet

	mu     sync.Mutex
	spaces map[string]opened
	closed bool

	erasing erasing
}

// opened is a space that is open. A space may be deleted and another one of its ID
// made: they are told apart by when they were made.
type opened struct {
	*space.Space
	*query.Reader
	*overrides.Editor
	*rules.Resolver
	*watch.Watcher
	*search.Index
	*duplicates.Finder
	*computed.Computed
	*export.Exporter
	*deliver.Dispatcher
	made time.Time
}

// Close ends what works on the space, and closes it.
func (o opened) Close(ctx context.Context) error {
	return errors.Join(o.Dispatcher.Close(ctx), o.Finder.Close(ctx), o.Space.Close(ctx))
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

// Open opens the data directory or the shared store of cfg, making it on first
// use. Spaces are opened when they are asked for.
func Open(ctx context.Context, cfg config.Config, log *slog.Logger, d Declaring) (*Engine, error) {
	e := &Engine{cfg: cfg, log: log, place: placeOf(cfg), spaces: map[string]opened{}, tasks: task.New()}
	e.budget = budgetOf(cfg.Memory, e.place.url != "")
	e.budget.spareGarbage()
	var err error
	if e.store, err = e.place.open(ctx, cfg, log); err != nil {
		return nil, err
	}
	if err = readable(ctx, e.store); err == nil {
		e.catalog, err = catalog.Open(ctx, e.store, catalog.Options{Log: log, Changed: e.erasing.wake})
	}
	if err == nil && d == Declare {
		err = e.declare(ctx)
	}
	if err != nil {
		return nil, errors.Join(e.place.explain(err), e.store.Close())
	}
	e.memory = e.memoryTask()
	return e, nil
}

// Catalog is the engine's catalog.
func (e *Engine) Catalog() *catalog.Catalog { return e.catalog }

// Space returns a space of the catalog, open. catalog.ErrNotFound says that
// there is none of that ID.
func (e *Engine) Space(ctx context.Context, id string) (*space.Space, error) {
	e.mu.Lock()
	one, open := e.spaces[id]
	e.mu.Unlock()
	made, there := e.catalog.Made(id)
	if open && there && made.Equal(one.made) {
		return e.used(ctx, one.Space), nil
	}
	s, err := e.openSpace(ctx, id)
	if err != nil {
		return nil, err
	}
	return e.used(ctx, s), nil
}

// used says of a space that somebody works with it.
func (e *Engine) used(ctx context.Context, s *space.Space) *space.Space {
	if s.Use(ctx) {
		e.memory.Wake()
	}
	return s
}

// openSpace returns a space of the catalog, open, of which nobody makes use yet.
func (e *Engine) openSpace(ctx context.Context, id string) (*space.Space, error) {
	// Whether there is such a space may take a read of the store, for which others
	// do not wait.
	if _, err := e.catalog.Space(ctx, id); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	made, there := e.catalog.Made(id)
	if s, open := e.spaces[id]; open {
		if there && made.Equal(s.made) {
			return s.Space, nil
		}
		return nil, space.ErrClosed // of a deleted space of this ID, which is about to be closed
	}
	if e.closed || !there {
		return nil, space.ErrClosed
	}
	share := e.budget.share(1) // a bound, until the memory is divided anew
	one, err := space.Open(ctx, e.store, space.Config{
		ID:           id,
		Log:          e.log,
		Rules:        e.rules(id),
		FreshLane:    e.cut(),
		DedupeWindow: e.cfg.DedupeWindow.Span(),
		DedupeBytes:  share.dedupe,
		CacheBytes:   share.cache,
		Tasks:        e.tasks,
		ScratchDir:   e.cfg.Data,
		Compile:      computed.Compile,
		ApplyRules:   rules.Apply,
	})
	if err != nil {
		return nil, fmt.Errorf("open space %s: %w", id, err)
	}
	declared := e.definitions(id)
	index := search.New(one, e.log, search.Told{
		Traits: func(ctx context.Context, r kv.Reader, profiles []codec.ProfileID) ([][]profile.Trait, error) {
			return computed.ToldTraits(ctx, one, r, profiles)
		},
		Revision: func() uint64 { return one.Definitions().Revision },
	})
	values := computed.New(one, computed.Config{Declared: declared != nil, TraitNames: index.TraitNames})
	destinations, err := e.destinations(ctx, one, values)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the destinations of space %s: %w", id, err), one.Close(ctx))
	}
	if declared != nil {
		if err := declareDefinitions(ctx, declared, values, destinations); err != nil {
			return nil, errors.Join(fmt.Errorf("the definitions of space %s, %s: %w", id, declared.Definitions, err), destinations.Close(ctx), one.Close(ctx))
		}
	}
	e.spaces[id] = opened{one, query.New(one), overrides.New(one), rules.New(one), watch.New(one), index, e.finder(one), values, export.New(one, e.cfg.Data), destinations, made}
	e.spaces[id].KeepProfiles(share.profiles)
	return one, nil
}

// finder looks for duplicates in a space while this process serves: a command that looks
// into a directory leaves that to the server.
func (e *Engine) finder(s *space.Space) *duplicates.Finder {
	cfg := duplicates.Config{Log: e.log}
	if e.serving {
		cfg.Tasks = e.tasks
	}
	return duplicates.New(s, cfg)
}

// OpenAll opens every space of the catalog.
func (e *Engine) OpenAll(ctx context.Context) error {
	for _, sp := range e.catalog.Spaces(ctx) {
		if _, err := e.openSpace(ctx, sp.ID); err != nil {
			return err
		}
	}
	return nil
}

// open lists the spaces that are open, in order of ID.
func (e *Engine) open() []opened {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := slices.Collect(maps.Values(e.spaces))
	slices.SortFunc(out, func(a, b opened) int { return strings.Compare(a.ID(), b.ID()) })
	return out
}

// roomsOf are the rooms above a space that is open; space.ErrClosed if it is not open any
// more.
func (e *Engine) roomsOf(s *space.Space) (opened, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	one, open := e.spaces[s.ID()]
	if !open || one.Space != s {
		return opened{}, space.ErrClosed
	}
	return one, nil
}

// Close lets the spaces finish what they accepted and closes the store. When
// ctx ends first, what was not acknowledged yet is given up.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	_ = e.memory.Stop(ctx) // it takes a moment
	e.erasing.stop()
	var wrong []error
	for _, s := range e.open() {
		if err := s.Close(ctx); err != nil {
			wrong = append(wrong, fmt.Errorf("close space %s: %w", s.ID(), err))
		}
	}
	if err := e.catalog.Close(ctx); err != nil {
		wrong = append(wrong, err)
	}
	if err := e.store.Close(); err != nil {
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}
