package pebblekv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// flight is a commit between its write and its sync. done is closed when its
// outcome is known: then err says it, and if it is nil, published views hold
// this commit and all before it.
type flight struct {
	done chan struct{}
	err  error
}

// wait returns when the outcome of the flight is known. A nil flight is the
// one before the first.
func (f *flight) wait() error {
	if f == nil {
		return nil
	}
	<-f.done
	return f.err
}

// counters of commits, for Stats.
type counters struct {
	commits, conflicts, bytes atomic.Int64
}

// Commit implements kv.Store.
func (s *Store) Commit(ctx context.Context, b *kv.Batch) error {
	if err := b.Check(); err != nil {
		return err
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	writes, preconditions := count(b)
	if writes > 0 {
		if err := s.mayWrite(); err != nil {
			return err
		}
	}
	pb, err := s.encode(b, writes)
	if err != nil {
		return err
	}

	s.commitMu.Lock()
	if err := ctx.Err(); err != nil { // it may have taken long to get the lock
		s.commitMu.Unlock()
		return err
	}
	if preconditions > 0 {
		if err := s.check(b); err != nil {
			last := s.last
			s.commitMu.Unlock()
			if errors.Is(err, kv.ErrConflict) {
				s.commit.conflicts.Add(1)
				// What we are in conflict with may not be published yet; a caller
				// that read again too early would meet the same conflict.
				_ = last.wait()
			}
			return err
		}
	}
	if pb == nil {
		last := s.last
		s.commitMu.Unlock()
		// What the preconditions looked at is durable when the newest write is.
		if err := last.wait(); err != nil {
			return fmt.Errorf("%w: %w", kv.ErrUnavailable, err)
		}
		return nil
	}
	if err := s.failure(); err != nil {
		s.commitMu.Unlock()
		return fmt.Errorf("%w: %w", kv.ErrUnavailable, err)
	}
	before := s.newest
	s.newest.commit++
	s.newest.own = uint64(b.Units())
	s.newest.units += s.newest.own
	s.newest.at = time.Now()
	s.trail = s.newest.append(s.trail[:0])
	err = pb.LogData(s.trail, nil)
	if err == nil {
		err = s.apply(pb)
	}
	if err != nil {
		s.commitMu.Unlock()
		return fmt.Errorf("%w: %w", kv.ErrUnknown, err)
	}
	v := s.views.take()
	s.touched.note(b, v.seq)
	if n := s.logNumber.Load(); n != s.inLog.Number { // the engine has begun a new one for this commit
		s.inLog = logMark{n, before.commit, before.units}
	}
	v.reached = reached{trailer: s.newest, seq: uint64(pb.SeqNum()) + uint64(pb.Count()), log: s.inLog}
	f := &flight{done: make(chan struct{})}
	s.last = f
	s.commitMu.Unlock()

	return s.land(pb, v, f, b.Bytes())
}

// land waits for the sync of an applied batch, publishes its view and tells
// its outcome.
func (s *Store) land(pb *pebble.Batch, v *view, f *flight, size int) error {
	defer close(f.done)
	if err := pb.SyncWait(); err != nil {
		s.views.drop(v)
		s.fail(fmt.Errorf("write-ahead log: %w", sentinel(err)))
		f.err = fmt.Errorf("%w: %w", kv.ErrUnknown, sentinel(err))
		return f.err
	}
	s.views.publish(v)
	signal(s.committed)
	s.commit.commits.Add(1)
	s.commit.bytes.Add(int64(size))
	_ = pb.Close() // gives its memory back; cannot fail
	return nil
}

// check tests the preconditions of b against all that was applied. The caller
// holds commitMu.
func (s *Store) check(b *kv.Batch) error {
	for i := range b.Ops() {
		op := &b.Ops()[i]
		if op.Kind != kv.OpInsert && op.Kind != kv.OpRequire {
			continue
		}
		got, closer, err := s.db.Get(op.Key)
		if err != nil && !errors.Is(err, pebble.ErrNotFound) {
			return fmt.Errorf("check preconditions: %w", sentinel(err))
		}
		present := err == nil
		holds := !present
		if op.Kind == kv.OpRequire && op.Value != nil {
			holds = present && bytes.Equal(got, op.Value)
		}
		if present {
			_ = closer.Close()
		}
		if !holds {
			return &kv.Conflict{Keys: [][]byte{bytes.Clone(op.Key)}}
		}
	}
	return nil
}

// apply writes pb to the log and the memtable. The caller holds commitMu. The
// engine answers an earlier failure of its log with a panic; it ends here.
func (s *Store) apply(pb *pebble.Batch) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("engine: %v", r)
			if cause, ok := r.(error); ok {
				err = fmt.Errorf("engine: %w", sentinel(cause))
			}
		}
		if err != nil {
			s.fail(err)
		}
	}()
	return s.db.ApplyNoSyncWait(pb, pebble.Sync)
}
