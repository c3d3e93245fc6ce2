package deliver

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/deliver/outgoing"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/task"
)

// Errors of a dispatcher. Errors of the store come through wrapped.
var (
	// ErrSuperseded: the destination was told something newer since.
	ErrSuperseded = errors.New("something newer was said")
	// ErrElsewhere: another process works on the destination; ask again, or there.
	ErrElsewhere = errors.New("another node works on the destination now; try again")
	// ErrChanged: somebody else changed the destinations at this moment; nothing was
	// changed.
	ErrChanged = errors.New("somebody else changed the destinations at this moment; read them again, and try again")
	// ErrInvalidTest: what was asked for is no test of the destination.
	ErrInvalidTest = errors.New("not a test of this destination")
	// ErrBadCursor: a page token is not one of ours.
	ErrBadCursor = errors.New("not a valid page token")
)

// Config is what a Dispatcher needs.
type Config struct {
	Space  string
	Store  kv.Store
	Keys   codec.Keyspace
	Source Source
	Kinds  map[string]Kind
	Guard  *outgoing.Guard
	Roots  *x509.CertPool // who may sign the certificates of destinations; nil: whom the system trusts
	Tasks  *task.Scheduler
	Log    *slog.Logger     // nil: slog.Default
	Now    func() time.Time // nil: time.Now
	Pauses *Pauses          // nil: DefaultPauses
	Dir    string           // where files of destinations lie; "": nowhere
	// PublicURL says where people reach this server, for links in mails; "", or nil:
	// nobody knows.
	PublicURL func() string
	// Audit has what people did told to the audit trail; nil: nobody keeps one.
	Audit Audit
	// Idle: nothing is told; for a look at what is declared and waits.
	Idle bool
}

// Dispatcher has the destinations of a space. Its methods may be called from many
// goroutines at once.
type Dispatcher struct {
	space     string
	store     kv.Store
	keys      codec.Keyspace
	source    Source
	kinds     map[string]Kind
	guard     *outgoing.Guard
	roots     *x509.CertPool
	tasks     *task.Scheduler
	log       *slog.Logger
	now       func() time.Time
	pauses    Pauses
	dir       string
	publicURL func() string
	secret    []byte
	audit     Audit
	idle      bool

	applying  sync.Mutex // one change of definitions at a time
	reloading *task.Task // on a shared store

	mu           sync.Mutex
	destinations map[string]*destination
	closed       bool
}

// Open starts the destinations that are declared in the store.
func Open(ctx context.Context, cfg Config) (*Dispatcher, error) {
	s := &Dispatcher{
		idle: cfg.Idle, audit: cfg.Audit,
		space: cfg.Space, store: cfg.Store, keys: cfg.Keys, source: cfg.Source, kinds: cfg.Kinds, guard: cfg.Guard, roots: cfg.Roots,
		tasks: cfg.Tasks, log: cfg.Log, now: cfg.Now, pauses: DefaultPauses, dir: cfg.Dir, publicURL: cfg.PublicURL,
		destinations: map[string]*destination{},
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.guard == nil {
		s.guard = &outgoing.Guard{}
	}
	if s.tasks == nil {
		s.tasks = task.New()
	}
	if cfg.Pauses != nil {
		s.pauses = *cfg.Pauses
	}
	if err := s.readSecret(ctx); err != nil {
		return nil, err
	}
	if err := s.reload(ctx); err != nil {
		return nil, err
	}
	if !s.store.Exclusive() && !s.idle {
		s.reloading = s.tasks.Add(context.Background(), task.Config{Class: task.Short, Run: func(ctx context.Context) (task.Rest, error) {
			s.applying.Lock()
			defer s.applying.Unlock()
			return task.Rest{Least: reloadPause, Most: reloadPause}, s.reload(ctx)
		}}, task.Rest{Least: reloadPause, Most: reloadPause})
	}
	return s, nil
}

// readSecret derives the key of the space's hashes from the store's.
func (s *Dispatcher) readSecret(ctx context.Context) error {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	v, err := r.Get(ctx, codec.StoreSecret)
	if err != nil {
		return err
	}
	m := hmac.New(sha256.New, v[0])
	m.Write([]byte("destinations of " + s.space))
	s.secret = m.Sum(nil)
	return nil
}

// hash is a keyed hash of texts.
func (s *Dispatcher) hash(kind string, of ...string) (h identity.Hash) {
	m := hmac.New(sha256.New, s.secret)
	m.Write([]byte(kind))
	for _, t := range of {
		m.Write(binary.AppendUvarint(nil, uint64(len(t))))
		m.Write([]byte(t))
	}
	copy(h[:], m.Sum(nil))
	return h
}

// start begins to work on a destination.
func (s *Dispatcher) start(rec definitionRecord, def *Definition) *destination {
	d := &destination{
		on: s, number: rec.Number, revision: rec.Revision, setAt: rec.SetAt, setBy: rec.SetBy, def: def,
		lease: lease.New(s.store, s.keys, "destination "+def.Key, s.now),
	}
	d.life, d.kill = context.WithCancel(context.Background())
	if s.idle {
		return d
	}
	d.task = s.tasks.Add(d.life, task.Config{
		Class: task.Bulk, Run: d.run, ErrorPause: time.Second,
		Failed: func(err error, pause time.Duration) {
			s.log.Warn("a destination could not follow what happens, and will try again", "space", s.space, "destination", def.Key, "error", err, "pause", pause)
		},
	}, task.Rest{Most: time.Millisecond})
	return d
}

// stop ends all work on the destination in this process; what is under way is waited
// for until ctx ends.
func (d *destination) stop(ctx context.Context) error {
	d.kill()
	var err error
	if d.task != nil {
		err = d.task.Stop(context.WithoutCancel(ctx)) // it ends with life
	}
	d.stopSending(ctx)
	return errors.Join(err, d.lease.Release(ctx))
}

// wake has the destination look at the feed and at its queue.
func (d *destination) wake() {
	if d.task != nil {
		d.task.Wake()
	}
}

// Wake has all destinations look at the feed: something was committed. It costs
// little to wake often.
func (s *Dispatcher) Wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.destinations {
		d.wake()
	}
}

// Close ends all work. What is being sent is waited for.
func (s *Dispatcher) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	all := make([]*destination, 0, len(s.destinations))
	for _, d := range s.destinations {
		all = append(all, d)
	}
	s.destinations = map[string]*destination{}
	s.mu.Unlock()
	if s.reloading != nil {
		_ = s.reloading.Stop(context.WithoutCancel(ctx)) // it takes a moment
	}
	errs := make([]error, len(all))
	var wait sync.WaitGroup
	for i, d := range all {
		wait.Go(func() { errs[i] = d.stop(ctx) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// find returns the destination with a key.
func (s *Dispatcher) find(key string) (*destination, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.destinations[key]; d != nil {
		return d, nil
	}
	return nil, ErrNotFound
}

// all lists the destinations by their keys.
func (s *Dispatcher) all() []*destination {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*destination, 0, len(s.destinations))
	for _, d := range s.destinations {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b *destination) int { return strings.Compare(a.def.Key, b.def.Key) })
	return out
}

// change makes a commit that people asked for.
func (d *destination) change(ctx context.Context, f func(*work) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.load(ctx)
	if err == nil {
		err = d.update(ctx, f)
	}
	if errors.Is(err, lease.ErrHeld) || errors.Is(err, kv.ErrConflict) {
		return ErrElsewhere
	}
	return err
}

// environment is what a sender of the destination may use.
func (s *Dispatcher) environment(d *destination) Environment {
	return Environment{
		Space: s.space, Destination: d.def.Key, Guard: s.guard, Roots: s.roots, Source: s.source, Log: s.log, Now: s.now, Dir: s.dir,
		Mail: &mailbook{on: s, number: d.number},
	}
}

// Look wakes all destinations; it is for space.Follower, whose lease it does not need.
func (s *Dispatcher) Look(context.Context, *lease.Lease) (task.Rest, error) {
	s.Wake()
	return task.Rest{}, nil
}
