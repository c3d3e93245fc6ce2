package pgkv

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// Options of a store. The zero value is good for production.
type Options struct {
	// PoolSize is the number of connections that this process may hold; 0: 16,
	// at least 2. A third of them, and at least one, is for commits alone: else
	// readers that wait to commit could starve each other.
	PoolSize int
	// ConnectTimeout bounds one attempt to connect; 0: 5 seconds.
	ConnectTimeout time.Duration
	// CommitTimeout bounds one attempt at a commit, waiting for locks included,
	// after which its outcome is unknown; 0: 30 seconds.
	CommitTimeout time.Duration
	// AcquireTimeout bounds the wait for a free connection; 0: 10 seconds.
	AcquireTimeout time.Duration
	// Logger receives what operators should know; nil: slog.Default().
	Logger *slog.Logger
}

const (
	defaultPoolSize       = 16
	defaultConnectTimeout = 5 * time.Second
	defaultCommitTimeout  = 30 * time.Second
	defaultAcquireTimeout = 10 * time.Second
	// cancelGrace is how long a commit that has begun may go on after the
	// caller's context has ended.
	cancelGrace = 5 * time.Second
)

func (o *Options) setDefaults() {
	if o.PoolSize == 0 {
		o.PoolSize = defaultPoolSize
	}
	o.PoolSize = max(o.PoolSize, 2)
	if o.ConnectTimeout <= 0 {
		o.ConnectTimeout = defaultConnectTimeout
	}
	if o.CommitTimeout <= 0 {
		o.CommitTimeout = defaultCommitTimeout
	}
	if o.AcquireTimeout <= 0 {
		o.AcquireTimeout = defaultAcquireTimeout
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
}

// Store is a kv.Store in a database. Make one with Open.
type Store struct {
	opts   Options
	where  string // for messages: the address and name of the database
	reads  *pgxpool.Pool
	writes *pgxpool.Pool

	settings []string // of every connection

	// life is held for reading by every commit and while a reader is made;
	// Close takes it for writing.
	life   sync.RWMutex
	closed bool

	mu      sync.Mutex
	readers map[*reader]struct{}
	ending  sync.WaitGroup // transactions of closed readers that are being ended

	count counters
	told  atomic.Int64 // when the log was last told that the database keeps this node out
}

type counters struct {
	commits, conflicts, retries, roundTrips, bytes atomic.Int64
}

var _ kv.Store = (*Store)(nil)

// Open opens the store in the database that url names
// (postgres://user:password@host:port/database?setting=value, or several hosts
// separated by commas) and makes or upgrades its tables. Several nodes may do
// so at once. Errors: kv.ErrUnavailable, kv.ErrReadOnly, kv.ErrTooOld (the
// server), kv.ErrTooNew (the tables), ErrLogin, ErrNoDatabase, ErrNotAllowed;
// others as the server gives them.
func Open(ctx context.Context, url string, opts Options) (*Store, error) {
	opts.setDefaults()
	config, err := pgxpool.ParseConfig(url)
	if err != nil { // the text holds no password: the parser redacts it
		return nil, fmt.Errorf("open store: %w", err)
	}
	c := config.ConnConfig
	s := &Store{
		opts:    opts,
		where:   fmt.Sprintf("%s:%d/%s", c.Host, c.Port, c.Database),
		readers: make(map[*reader]struct{}),
	}
	c.ConnectTimeout = opts.ConnectTimeout
	if len(c.Fallbacks) > 0 && c.ValidateConnect == nil {
		// Of several hosts, only the one that takes writes is of use.
		c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "selfsame"
	}
	c.OnNotice = s.notice
	// A commit can leave a connection in a state from which only its end
	// recovers; nothing here depends on a connection's life.
	config.MaxConnIdleTime = 10 * time.Minute
	config.AfterConnect = s.prepare

	if err := s.setUp(ctx, c); err != nil {
		return nil, fmt.Errorf("open store %s: %w", s.where, opening(err))
	}
	config.MinConns = 0
	writes := max(1, opts.PoolSize/3)
	if s.writes, err = newPool(ctx, config, writes); err == nil {
		if s.reads, err = newPool(ctx, config, opts.PoolSize-writes); err != nil {
			s.writes.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", s.where, sentinel(err))
	}
	return s, nil
}

func newPool(ctx context.Context, config *pgxpool.Config, size int) (*pgxpool.Pool, error) {
	config = config.Copy()
	config.MaxConns = int32(size)
	return pgxpool.NewWithConfig(ctx, config)
}

// setUp connects once, looks at the server and makes the tables.
func (s *Store) setUp(ctx context.Context, config *pgx.ConnConfig) error {
	conn, err := pgx.ConnectConfig(ctx, config.Copy())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	postgres, err := checkServer(ctx, conn)
	if err != nil {
		return err
	}
	if postgres {
		if s.settings, err = known(ctx, conn, settings); err != nil {
			return err
		}
	}
	return upgrade(ctx, conn)
}

// notDurable is set in the custom data of a connection when the server says
// that a commit may not have reached its standbys.
const notDurable = "selfsame: commit not replicated"

// notice looks for a commit that is not as durable as was asked for: when an
// operator cancels the wait for a synchronous standby, the server warns and
// then reports success. Such warnings have the general code.
func (s *Store) notice(conn *pgconn.PgConn, n *pgconn.Notice) {
	if n.SeverityUnlocalized == "WARNING" && n.Code == "01000" {
		conn.CustomData()[notDurable] = n.Message
		s.opts.Logger.Warn("the database warns", "store", s.where, "message", n.Message, "detail", n.Detail)
	}
}

// Exclusive implements kv.Store: other nodes may write too.
func (s *Store) Exclusive() bool { return false }

// Close implements kv.Store.
func (s *Store) Close() error {
	s.life.Lock()
	if s.closed {
		s.life.Unlock()
		return nil
	}
	s.closed = true
	s.life.Unlock()

	s.mu.Lock()
	open := make([]*reader, 0, len(s.readers))
	for r := range s.readers {
		open = append(open, r)
	}
	s.mu.Unlock()
	var ended sync.WaitGroup
	for _, r := range open { // all at once: some may be waiting for others' connections
		ended.Go(r.end)
	}
	ended.Wait()
	s.ending.Wait()
	s.reads.Close()
	s.writes.Close()
	return nil
}

// acquire takes a connection from a pool, within bounds.
func (s *Store) acquire(ctx context.Context, pool *pgxpool.Pool) (*pgxpool.Conn, error) {
	bounded, cancel := context.WithTimeout(ctx, s.opts.AcquireTimeout)
	defer cancel()
	conn, err := pool.Acquire(bounded)
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case bounded.Err() != nil:
		return nil, fmt.Errorf("%w: no connection within %v, of %d allowed and %d in use: %w",
			kv.ErrUnavailable, s.opts.AcquireTimeout, pool.Config().MaxConns, pool.Stat().AcquiredConns(), err)
	}
	s.tell(err)
	return nil, sentinel(err)
}

// enter begins a call; leave ends it.
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
