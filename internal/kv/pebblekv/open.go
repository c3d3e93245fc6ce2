package pebblekv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// Options of a store. The zero value is good for production.
type Options struct {
	// FS is where the directory lies; nil: the operating system's. Tests give
	// vfs.NewMem() or vfs.NewCrashableMem().
	FS vfs.FS
	// CacheBytes is the memory for blocks read from disk; 0: 256 MiB.
	CacheBytes int64
	// MemtableBytes is the size of one memtable. Up to four of them wait to be
	// written to disk before commits are held back. 0: 64 MiB.
	MemtableBytes uint64
	// MinFree is how many bytes the file system must have left for commits to
	// be taken; 0: 256 MiB. Negative: commits are taken to the last byte.
	MinFree int64
	// ReserveBytes is the size of the reserve file that is given up when the
	// disk is full nevertheless; 0: 64 MiB. Negative: no reserve.
	ReserveBytes int64
	// SpaceCheck is how often free space is looked at; 0: 1 second.
	SpaceCheck time.Duration
	// MarkEvery is how often it is noted how far the log is durable, while there
	// are commits: what is damaged or missing after a crash is known up to there.
	// It costs a write and a sync of 4 KiB. 0: 1 second.
	MarkEvery time.Duration
	// Tracked says of which keys readers know whether they were written since, see
	// kv.Tracker; nil: of all. It is asked for every key that is written.
	Tracked func(key []byte) bool
	// Logger receives what operators should know; nil: slog.Default(). The
	// engine's own chatter is at debug level.
	Logger *slog.Logger
	// OnFatal is called, once, with an engine error after which this process
	// cannot go on with the store. It must not call the store. nil: the error is
	// logged and the process exits with status 3. Nothing that was acknowledged
	// is lost.
	OnFatal func(error)
}

const (
	defaultCacheBytes    = 256 << 20
	defaultMemtableBytes = 64 << 20
	defaultMinFree       = 256 << 20
	defaultReserveBytes  = 64 << 20
	exitFatal            = 3
)

func (o *Options) setDefaults() {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	o.FS = private(o.FS)
	if o.CacheBytes == 0 {
		o.CacheBytes = defaultCacheBytes
	}
	if o.MemtableBytes == 0 {
		o.MemtableBytes = defaultMemtableBytes
	}
	if o.MinFree == 0 {
		o.MinFree = defaultMinFree
	}
	if o.ReserveBytes == 0 {
		o.ReserveBytes = defaultReserveBytes
	}
	if o.MarkEvery <= 0 {
		o.MarkEvery = time.Second
	}
	if o.SpaceCheck <= 0 {
		o.SpaceCheck = time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.OnFatal == nil {
		o.OnFatal = func(error) { os.Exit(exitFatal) }
	}
}

// Store is a kv.Store in a directory. Make one with Open.
type Store struct {
	dir  string
	opts Options
	db   *pebble.DB
	lock *locks
	log  *slog.Logger

	// life is held for reading by every call into the engine; Close takes it for
	// writing, so that no call meets a closed engine.
	life   sync.RWMutex
	closed bool

	// commitMu makes check and apply one step; it guards what follows.
	commitMu sync.Mutex
	last     *flight
	newest   trailer // of the last commit that was applied
	trail    []byte  // its bytes
	inLog    logMark // where it is

	committed chan struct{} // has one element when there were commits since the last mark
	marks     *marks
	logNumber atomic.Uint64          // of the log that commits go to
	manifest  atomic.Pointer[string] // the current one
	lostMu    sync.Mutex             // guards lost
	lost      []Loss                 // what openings found missing

	views   views
	touched touched
	space   space
	ramp    ramp
	failed  atomic.Pointer[error] // why the store stopped taking commits for good

	stop    chan struct{}
	workers sync.WaitGroup

	stalls atomic.Int64 // write stalls begun
	commit counters
}

var _ kv.Store = (*Store)(nil)

// Open opens the store in dir and makes it if there is none. Errors:
// kv.ErrLocked if another process, or another Store of this one, has the
// directory open; kv.ErrIncomplete, kv.ErrTooNew, kv.ErrCorrupt, kv.ErrNoSpace
// and kv.ErrReadOnly as they say; others as the file system gives them. All of them name dir.
func Open(dir string, opts Options) (*Store, error) {
	opts.setDefaults()
	s := &Store{dir: dir, opts: opts, log: opts.Logger.With("store", dir), stop: make(chan struct{}), committed: make(chan struct{}, 1)}
	s.space.init(opts.FS, dir, &opts)
	s.ramp.wake = make(chan struct{}, 1)
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("open store %s: %w", dir, sentinel(err))
	}
	s.touched.init(opts.Tracked)
	s.views.init(s.db)
	s.ramp.reset()
	s.workers.Go(func() { s.views.reap(s.stop) })
	s.workers.Go(func() { s.space.watch(s.stop, s.log) })
	s.workers.Go(func() { s.keepMark(s.stop) })
	s.workers.Go(func() { s.flushEarly(s.stop) })
	return s, nil
}

func (s *Store) open() (err error) {
	if err := s.opts.FS.MkdirAll(s.dir, dirMode); err != nil {
		return err
	}
	if s.lock, err = lockStore(s.dir, s.opts.FS); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.lock.Close())
		}
	}()
	if err := checkComplete(s.opts.FS, s.dir); err != nil {
		return err
	}
	if err := checkFormat(s.opts.FS, s.dir); err != nil {
		return err
	}
	if vfs.Root(s.opts.FS) == vfs.Default {
		if err := tightenAll(s.dir); err != nil {
			s.log.Warn("others may be able to read files of the store: their rights cannot be changed", "error", err)
		}
	}
	if err := s.lookBefore(); err != nil {
		return openError(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.marks.file.Close())
		}
	}()
	s.db, err = pebble.Open(s.dir, s.engineOptions())
	if err != nil {
		return openError(err)
	}
	if err = s.checkBlobs(); err != nil {
		err = errors.Join(err, s.db.Close())
	}
	return err
}

// openError adds kv.ErrCorrupt where the engine does not say so itself: a file
// that its manifest names is missing, or is not what the manifest says. What
// the system refused has an errno.
func openError(err error) error {
	var errno syscall.Errno
	if errors.Is(err, fs.ErrNotExist) || !errors.As(err, &errno) {
		return fmt.Errorf("%w: %w", kv.ErrCorrupt, err)
	}
	return err
}

// checkBlobs looks whether all blob files are there. The engine looks only at
// tables when it opens, and would end the process when it met the gap.
func (s *Store) checkBlobs() error {
	names, err := s.opts.FS.List(s.dir)
	if err != nil {
		return err
	}
	var have uint64
	for _, name := range names {
		if strings.HasSuffix(name, ".blob") {
			have++
		}
	}
	if want := s.db.Metrics().BlobFiles.LiveCount; have < want {
		return fmt.Errorf("%w: %d of %d blob files are there", kv.ErrCorrupt, have, want)
	}
	return nil
}

// lockError tells a lock held elsewhere from a lock file that cannot be made:
// the operating system gives EACCES for both, but the latter with a path.
func lockError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return err
	}
	return inUse(err)
}

// checkFormat refuses a directory that a newer engine wrote, before the engine
// looks at it: its own error has no identity.
func checkFormat(fsys vfs.FS, dir string) error {
	text, err := atomicfs.ReadMarker(fsys, dir, "format-version")
	if err != nil || text == "" {
		return err
	}
	v, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return fmt.Errorf("%w: format version %q", kv.ErrCorrupt, text)
	}
	if pebble.FormatMajorVersion(v) > formatVersion {
		return fmt.Errorf("%w: its format is %d, this version knows %d", kv.ErrTooNew, v, formatVersion)
	}
	return nil
}

// Exclusive implements kv.Store: the directory is locked.
func (s *Store) Exclusive() bool { return true }

// Close implements kv.Store. After an engine failure it leaves the directory
// locked, for the engine cannot be closed; only the end of the process frees
// it.
func (s *Store) Close() error {
	s.life.Lock()
	if s.closed {
		s.life.Unlock()
		return nil
	}
	s.closed = true
	s.life.Unlock()

	close(s.stop)
	s.workers.Wait()
	if err := s.failure(); err != nil {
		return fmt.Errorf("close store %s: %w", s.dir, err)
	}
	s.views.closeAll()
	if err := errors.Join(s.closeEngine(), s.lock.Close()); err != nil {
		return fmt.Errorf("close store %s: %w", s.dir, sentinel(err))
	}
	return nil
}

// enter begins a call into the engine; leave ends it.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.life.RLock()
	if s.closed {
		s.life.RUnlock()
		return kv.ErrClosed
	}
	return nil
}

func (s *Store) leave() { s.life.RUnlock() }

// sentinel adds the kv error that says what an engine or system error means.
func sentinel(err error) error {
	var is error
	switch {
	case err == nil || errors.Is(err, kv.ErrCorrupt):
		return err
	case pebble.IsCorruptionError(err):
		is = kv.ErrCorrupt
	case vfs.IsNoSpaceError(err), errors.Is(err, syscall.EDQUOT):
		is = kv.ErrNoSpace
	case errors.Is(err, syscall.EROFS), errors.Is(err, pebble.ErrReadOnly):
		is = kv.ErrReadOnly
	default:
		return err
	}
	return fmt.Errorf("%w: %w", is, err)
}
