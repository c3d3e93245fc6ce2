package pgkv

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// errOutOfStep: the server's answers do not match what was asked. Never seen.
var errOutOfStep = errors.New("pgkv: the server's answers are out of step")

// Commit implements kv.Store. It tries again by itself, with growing random
// pauses and a bound, as long as nothing was written: when its transaction
// fell to a deadlock or a serialization failure, or did not reach the server.
func (s *Store) Commit(ctx context.Context, b *kv.Batch) error {
	if err := b.Check(); err != nil {
		return err
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	p := compile(b)
	if p.conflict {
		s.count.conflicts.Add(1)
		return kv.ErrConflict
	}
	if p.empty() {
		return nil
	}
	steps := p.steps()
	retry := newBackoff()
	for {
		again, err := s.attempt(ctx, steps)
		if err == nil {
			s.count.commits.Add(1)
			s.count.bytes.Add(int64(b.Bytes()))
			return nil
		}
		if again && ctx.Err() == nil && retry.wait(ctx) {
			s.count.retries.Add(1)
			continue
		}
		if errors.Is(err, kv.ErrConflict) {
			keys, derr := s.differ(ctx, p)
			if derr == nil && len(keys) == 0 && ctx.Err() == nil {
				// Others hold what is only looked at. Most of them end soon.
				if retry.tries < heldTries && retry.wait(ctx) {
					s.count.retries.Add(1)
					continue
				}
				keys, _ = s.held(ctx, p)
			}
			s.count.conflicts.Add(1)
			return &kv.Conflict{Keys: keys}
		}
		return fmt.Errorf("commit: %w", err)
	}
}

// attempt runs the transaction once. again says that nothing was written and
// that another attempt may succeed.
func (s *Store) attempt(ctx context.Context, steps []step) (again bool, err error) {
	conn, err := s.acquire(ctx, s.writes)
	if err != nil {
		return false, err
	}
	defer conn.Release()

	// From here the caller's context no longer cuts the connection: that would
	// leave the outcome unknown. It only shortens the wait.
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.CommitTimeout)
	defer cancel()
	defer hurry(ctx, cancel)()

	pg := conn.Conn().PgConn()
	delete(pg.CustomData(), notDurable)
	s.count.roundTrips.Add(1)
	failed, err := run(bounded, pg, steps, nil)
	if err == nil {
		if warning, ok := pg.CustomData()[notDurable]; ok {
			return false, fmt.Errorf("%w: %v", kv.ErrUnknown, warning)
		}
		return false, nil
	}
	s.rollBack(bounded, conn)
	if code(err) == "25006" { // not the primary any more: the next connection may find it
		_ = conn.Conn().Close(bounded)
	}
	return s.judge(err, failed, len(steps)-1)
}

// differ asks which keys of a plan are not as they must be.
func (s *Store) differ(ctx context.Context, p *plan) (keys [][]byte, err error) {
	ask, ok := p.conditions()
	if !ok {
		return nil, nil
	}
	err = s.ask(ctx, ask, func(row [][]byte) { keys = append(keys, own(row[0])) })
	return keys, err
}

// heldTries is how often a commit waits for others that hold what it only looks
// at, before that is a conflict.
const heldTries = 2

// held asks which of the keys that a plan only looks at others are changing.
func (s *Store) held(ctx context.Context, p *plan) (keys [][]byte, err error) {
	ask, looked := p.looks()
	if len(looked) == 0 {
		return nil, nil
	}
	free := make(map[string]bool, len(looked))
	if err := s.ask(ctx, ask, func(row [][]byte) { free[string(row[0])] = true }); err != nil {
		return nil, err
	}
	for _, k := range looked {
		if !free[string(k)] {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// ask runs one statement on a connection for commits.
func (s *Store) ask(ctx context.Context, what step, row func(values [][]byte)) error {
	conn, err := s.acquire(ctx, s.writes)
	if err != nil {
		return err
	}
	defer conn.Release()
	bounded, cancel := context.WithTimeout(ctx, s.opts.CommitTimeout)
	defer cancel()
	s.count.roundTrips.Add(1)
	_, err = run(bounded, conn.Conn().PgConn(), []step{what}, row)
	return err
}

// judge says what the error of a transaction means: failed is the step that
// failed, commit the number of the COMMIT.
func (s *Store) judge(err error, failed, commit int) (again bool, _ error) {
	var pe *pgconn.PgError
	switch {
	case pgconn.SafeToRetry(err): // not a byte went out
		return true, fmt.Errorf("%w: %w", kv.ErrUnavailable, err)
	case !errors.As(err, &pe), failed > commit:
		// The connection broke, and the COMMIT was on its way already.
		return false, fmt.Errorf("%w: %w", kv.ErrUnknown, err)
	case failed == commit && (pe.SeverityUnlocalized == "FATAL" || pe.SeverityUnlocalized == "PANIC" || !aborts(pe.Code)):
		return false, fmt.Errorf("%w: %w", kv.ErrUnknown, err)
	case pe.Code == "40003": // a server that does not know it either
		return false, fmt.Errorf("%w: %w", kv.ErrUnknown, err)
	case pe.Code == divisionByZero, pe.Code == uniqueViolation && failed < commit:
		return false, kv.ErrConflict
	}
	s.tell(err)
	// A connection that the server had ended before (57P01) says nothing about the
	// next one.
	return transient(pe.Code) || pe.Code == "57P01", sentinel(err)
}

// aborts reports whether an error in answer to COMMIT says for certain that the
// transaction was rolled back. Only classes that do are listed: transactions
// rolled back for each other, resources, cancelled statements.
func aborts(sqlstate string) bool {
	return transient(sqlstate) || sqlstate[:2] == "53" || sqlstate == "57014" || sqlstate[:2] == "23" || sqlstate[:2] == "25"
}

// rollBack ends a failed transaction, so that its locks go at once and the
// connection can be used again. If that fails too, the pool drops it.
func (s *Store) rollBack(ctx context.Context, conn *pgxpool.Conn) {
	pg := conn.Conn().PgConn()
	if pg.IsClosed() || pg.TxStatus() == 'I' {
		return
	}
	s.count.roundTrips.Add(1)
	_, _ = run(ctx, pg, []step{{sql: sqlRollback}}, nil)
}

// hurry calls cancel some time after ctx has ended, until stop is called.
func hurry(ctx context.Context, cancel context.CancelFunc) (stop func()) {
	done := make(chan struct{})
	unhook := context.AfterFunc(ctx, func() {
		t := time.NewTimer(cancelGrace)
		defer t.Stop()
		select {
		case <-done:
		case <-t.C:
			cancel()
		}
	})
	return func() {
		unhook()
		close(done)
	}
}
