package space

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/counts"
	"github.com/selfsame-id/selfsame/internal/space/dedupe"
	"github.com/selfsame-id/selfsame/internal/space/journal"
	"github.com/selfsame-id/selfsame/internal/space/rejects"
	"github.com/selfsame-id/selfsame/internal/space/tx"
	"github.com/selfsame-id/selfsame/internal/task"
)

// Space is one identity graph at work. All methods may be called from many
// goroutines at once.
type Space struct {
	cfg     Config
	log     *slog.Logger
	store   kv.Store
	keys    codec.Keyspace
	hasher  identity.Hasher
	hashKey [2]uint64 // of messageIds

	rules   atomic.Pointer[identity.Ruleset]
	ruling  sync.Mutex // one change of rules at a time
	version atomic.Pointer[RulesVersion]
	// ruleBytes is the record of the rules at work, which every commit on a
	// shared store requires. The writer's, or whoever holds its lock.
	ruleBytes []byte
	adopted   chan struct{} // closed at the next change of that record, if somebody waits for one; likewise
	overrides atomic.Pointer[tx.OverrideSet]
	// definitions are those of computed traits and audiences at work.
	definitions atomic.Pointer[Definitions]
	apply       applyState

	packer  journal.Packer
	leases  leases
	history *dedupe.History
	cache   *strandCache
	memory  *tx.Memory // the writer's, on an exclusive store

	mu         sync.Mutex
	queue      []*ingestRequest
	inside     int       // deliveries that were let in and are not answered
	answered   time.Time // when the last one was, or the first came in
	shut       bool
	types      map[string]*uint64 // unlisted types seen
	queueBytes atomic.Int64
	wake       chan struct{}
	closing    chan struct{}
	writer     chan struct{} // closed when the writer has ended; nil: there is none
	life       context.Context
	kill       context.CancelFunc
	during     sync.WaitGroup // long work that somebody asked for, see Begin
	tasks      tasks
	followers  followers
	used       atomic.Int64 // when somebody worked with it last, nanoseconds since 1970, see Use
	warnings   atomic.Int64 // open ones, see NoteWarnings

	// What follows belongs to the writer.
	writing   sync.Mutex // held during a commit; whoever stops the writer takes it
	lane      uint64
	lostLane  bool   // its end is not known, see renewLane
	notice    int64  // the last one seen, see announce
	yielded   int64  // the last one that was heeded
	clock     uint64 // of the lane's last block, or of a later one that was heard of
	feedSeq   uint64
	feedTime  int64 // of the lane's last record
	hour      laneHour
	lastID    codec.ProfileID
	counters  codec.Counters
	dedupe    repeats
	pairs     *pairCache
	rejects   *rejects.Keeper
	sources   counts.Sources
	job       jobState
	spare     *commit  // the room of the last one
	committed []func() // called after each commit

	pending atomic.Int64
	stats   counters
}

// Open opens the space cfg.ID in store, making it on first use. Its start-up
// time does not grow with its history.
func Open(ctx context.Context, store kv.Store, cfg Config) (*Space, error) {
	cfg = cfg.withDefaults()
	s := &Space{
		cfg: cfg, log: cfg.Log, store: store,
		cache:   newStrandCache(cfg.CacheBytes / 2),
		pairs:   newPairCache(cfg.CacheBytes / 16),
		types:   map[string]*uint64{},
		wake:    make(chan struct{}, 1),
		closing: make(chan struct{}),
	}
	s.overrides.Store(&tx.OverrideSet{})
	s.definitions.Store(&Definitions{})
	if store.Exclusive() {
		s.memory = tx.NewMemory(cfg.CacheBytes * 7 / 16)
	}
	s.life, s.kill = context.WithCancel(context.Background())
	secret, number, err := register(ctx, store, cfg.ID)
	if err != nil {
		return nil, fmt.Errorf("space %s: %w", cfg.ID, err)
	}
	s.keys = codec.NewKeyspace(number)
	s.leases = s.newLeases()
	s.hasher = identity.NewHasher(secret, cfg.ID)
	s.history = dedupe.NewHistory(dedupe.HistoryConfig{
		Store: store, Keys: s.keys, Window: cfg.DedupeWindow, ScratchDir: cfg.ScratchDir,
		Now: cfg.Now, Log: s.log.With("space", cfg.ID), Life: s.life,
	})
	s.hashKey = [2]uint64{binary.LittleEndian.Uint64(secret[:8]), binary.LittleEndian.Uint64(secret[8:]) ^ 0x6d657373616765}
	s.rejects = rejects.NewKeeper(rejects.Config{
		Keys: s.keys, HashKey: s.hashKey, Packer: &s.packer, Shared: !store.Exclusive(),
		Age: cfg.RejectAge, Most: cfg.RejectMost, Bytes: cfg.RejectBytes,
	})
	if err := s.recover(ctx); err != nil {
		return nil, s.giveUp(err)
	}
	s.startTasks()
	return s, nil
}

// giveUp ends what a space that cannot be opened has started already.
func (s *Space) giveUp(err error) error {
	s.kill()
	err = fmt.Errorf("space %s: %w", s.cfg.ID, err)
	if l, ok := s.dedupe.(*localRepeats); ok {
		err = errors.Join(err, l.recent.Close(context.Background()))
	}
	return err
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Tasks == nil {
		c.Tasks = task.New()
	}
	if c.DedupeWindow == 0 {
		c.DedupeWindow = 24 * time.Hour
	}
	if c.DedupeBytes == 0 {
		c.DedupeBytes = 128 << 20
	}
	if c.CacheBytes == 0 {
		c.CacheBytes = 256 << 20
	}
	if c.QueueBytes == 0 {
		c.QueueBytes = 64 << 20
	}
	if c.QueueWait == 0 {
		c.QueueWait = 5 * time.Second
	}
	if c.RejectAge == 0 {
		c.RejectAge = 30 * 24 * time.Hour
	}
	if c.RejectMost == 0 {
		c.RejectMost = 100_000
	}
	if c.RejectBytes == 0 {
		c.RejectBytes = 256 << 20
	}
	if c.ReplayBound == 0 {
		c.ReplayBound = 1000
	}
	return c
}

// Close finishes what was accepted and stops the space. It does not close the
// store. When ctx ends first, what was not committed yet is given up: nobody was
// told that it had been.
func (s *Space) Close(ctx context.Context) error {
	s.mu.Lock()
	already := s.shut
	s.shut = true
	writer := s.writer
	s.mu.Unlock()
	if !already {
		close(s.closing)
	}
	if writer != nil {
		select {
		case <-writer:
		case <-ctx.Done():
			s.kill()
			<-writer
		}
	}
	s.kill()
	s.history.Close()
	s.stopTasks()
	s.during.Wait()
	if err := errors.Join(s.leases.release(ctx), s.followers.release(ctx)); err != nil {
		s.log.Debug("leases were not given back, and end by themselves", "space", s.cfg.ID, "error", err)
	}
	if l, ok := s.dedupe.(*localRepeats); ok && !already {
		return l.recent.Close(ctx)
	}
	return ctx.Err()
}

// ID is the space's ID.
func (s *Space) ID() string { return s.cfg.ID }

// Ruleset returns the compiled rules at work.
func (s *Space) Ruleset() *identity.Ruleset { return s.rules.Load() }

// schemaVersion is the version of everything under this package's keys.
const schemaVersion = 5

// register reads or makes what a store knows before any space: its schema
// version, its secret, and the number of the space.
func register(ctx context.Context, store kv.Store, name string) (secret [16]byte, number uint16, err error) {
	if name == "" || len(name) > 200 {
		return secret, 0, errors.New("the ID of a space has 1 to 200 bytes")
	}
	secretKey := codec.StoreSecret
	nameKey, lastKey := codec.StoreSpace(name), codec.StoreLastSpace
	for try := 0; ; try++ {
		r, err := store.Snapshot(ctx)
		if err != nil {
			return secret, 0, err
		}
		got, err := r.Get(ctx, codec.StoreSchema, secretKey, nameKey, lastKey)
		r.Close()
		if err != nil {
			return secret, 0, err
		}
		if err := checkSchema(got[0]); err != nil {
			return secret, 0, err
		}
		if got[0] != nil && len(got[1]) == len(secret) && len(got[2]) == 2 {
			copy(secret[:], got[1])
			return secret, binary.BigEndian.Uint16(got[2]), nil
		}
		var b kv.Batch
		if got[0] == nil {
			b.Insert(codec.StoreSchema, binary.AppendUvarint(nil, schemaVersion))
		}
		if got[1] == nil {
			rand.Read(secret[:]) // never fails, see crypto/rand
			b.Insert(secretKey, append([]byte(nil), secret[:]...))
		} else {
			copy(secret[:], got[1])
		}
		if got[2] == nil {
			last := uint16(0)
			if len(got[3]) == 2 {
				last = binary.BigEndian.Uint16(got[3])
			}
			if last == 1<<16-1 {
				return secret, 0, errors.New("the store holds as many spaces as it can")
			}
			number = last + 1
			b.Require(lastKey, got[3])
			b.Put(lastKey, binary.BigEndian.AppendUint16(nil, number))
			b.Insert(nameKey, binary.BigEndian.AppendUint16(nil, number))
		} else {
			number = binary.BigEndian.Uint16(got[2])
		}
		if err = store.Commit(ctx, &b); err == nil {
			return secret, number, nil
		}
		if !errors.Is(err, kv.ErrConflict) || try > 20 {
			return secret, 0, err
		}
	}
}
