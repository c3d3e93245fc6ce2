package pgkv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// sentinel adds the kv error that says what a server or network error means,
// for calls that wrote nothing.
func sentinel(err error) error {
	if err == nil {
		return nil
	}
	var is error
	var pe *pgconn.PgError
	var ne net.Error
	var ce *pgconn.ConnectError
	switch {
	case isKV(err), errors.Is(err, context.Canceled) && !errors.As(err, &ce), errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &ce):
		return err
	case errors.As(err, &pe):
		if is = meaning(pe.Code); is == nil && errors.As(err, &ce) {
			is = kv.ErrUnavailable // whatever it was, no connection came of it
		}
	case errors.As(err, &ce):
		is = kv.ErrUnavailable
		if strings.Contains(err.Error(), "read only connection") { // the driver has no name for it
			is = kv.ErrReadOnly
		}
	case errors.As(err, &ne), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), pgconn.SafeToRetry(err), pgconn.Timeout(err):
		is = kv.ErrUnavailable
	}
	if is == nil {
		return err
	}
	return fmt.Errorf("%w: %w", is, brief(err))
}

// meaning maps an SQLSTATE; nil: it has no name in kv.
func meaning(sqlstate string) error {
	switch {
	case sqlstate == "53100": // disk full
		return kv.ErrNoSpace
	case sqlstate == "25006": // read-only transaction: a standby
		return kv.ErrReadOnly
	case sqlstate == "XX001", sqlstate == "XX002": // damaged data, damaged index
		return kv.ErrCorrupt
	case transient(sqlstate),
		sqlstate == "57014",                // cancelled, a statement timeout perhaps
		sqlstate == "58030",                // I/O error
		keptOut(sqlstate),                  // until whoever runs the database mends it
		strings.HasPrefix(sqlstate, "08"),  // connection
		strings.HasPrefix(sqlstate, "53"),  // resources
		strings.HasPrefix(sqlstate, "57P"): // shutting down, starting up
		return kv.ErrUnavailable
	}
	return nil
}

// keptOut tells errors of a database that lets the user do less than when the
// store was opened: another password, a login or a right taken away, a database
// or table that is gone, renamed or takes no connections, perhaps for as long as it is being restored.
func keptOut(sqlstate string) bool {
	return strings.HasPrefix(sqlstate, "28") || sqlstate == "3D000" || sqlstate == "42501" || sqlstate == "42P01" || sqlstate == "55000"
}

// keptOutEvery is how often the log says that the database keeps this node out.
const keptOutEvery = time.Minute

// tell logs that the database keeps this node out, which only people can mend.
func (s *Store) tell(err error) {
	if !keptOut(code(err)) {
		return
	}
	now := time.Now().UnixNano()
	if last := s.told.Load(); now-last > int64(keptOutEvery) && s.told.CompareAndSwap(last, now) {
		s.opts.Logger.Error("the database refuses what it allowed before: check the user's password and rights, and that the database is there; requests are answered 503 until then",
			"store", s.where, "error", brief(err))
	}
}

// transient tells errors of a transaction that got in the way of another one
// and was rolled back for it.
func transient(sqlstate string) bool {
	return sqlstate == "40001" || sqlstate == "40P01" || sqlstate == "55P03"
}

var sentinels = []error{kv.ErrConflict, kv.ErrUnknown, kv.ErrUnavailable, kv.ErrNoSpace, kv.ErrReadOnly,
	kv.ErrCorrupt, kv.ErrTooNew, kv.ErrTooOld, kv.ErrClosed, kv.ErrTooLarge, kv.ErrInvalid}

func isKV(err error) bool {
	for _, s := range sentinels {
		if errors.Is(err, s) {
			return true
		}
	}
	return false
}

// backoff is a bounded number of growing, random pauses.
type backoff struct {
	tries int
	pause time.Duration
}

const (
	maxTries   = 10
	firstPause = 2 * time.Millisecond
	maxPause   = 250 * time.Millisecond
)

func newBackoff() *backoff { return &backoff{pause: firstPause} }

// wait pauses and reports whether to try again.
func (b *backoff) wait(ctx context.Context) bool {
	if b.tries++; b.tries >= maxTries {
		return false
	}
	t := time.NewTimer(b.pause/2 + rand.N(b.pause))
	defer t.Stop()
	b.pause = min(b.pause*2, maxPause)
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
