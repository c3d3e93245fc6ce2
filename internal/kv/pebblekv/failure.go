package pebblekv

import (
	"fmt"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// fail notes that the store can take no commits any more. The first reason
// stays.
func (s *Store) fail(err error) {
	if s.failed.CompareAndSwap(nil, &err) {
		s.log.Error("the store takes no more commits: open it again", "error", err)
	}
}

// failure returns why the store takes no commits any more, or nil.
func (s *Store) failure() error {
	if p := s.failed.Load(); p != nil {
		return *p
	}
	return nil
}

// mayWrite returns why no commit is taken now, or nil.
func (s *Store) mayWrite() error {
	if err := s.failure(); err != nil {
		return fmt.Errorf("%w: %w", kv.ErrUnavailable, err)
	}
	return s.space.err()
}

// engineLog carries what the engine says to the store's logger. It implements
// pebble.Logger.
type engineLog struct{ s *Store }

func (l engineLog) Infof(format string, args ...any) {
	l.s.log.Debug(fmt.Sprintf(format, args...))
}

func (l engineLog) Errorf(format string, args ...any) {
	l.s.log.Error(fmt.Sprintf(format, args...))
}

// Fatalf does not return: the engine relies on that. If OnFatal lets the
// process live, the calling goroutine stays here, perhaps with the engine's
// locks, so that nothing more is written.
func (l engineLog) Fatalf(format string, args ...any) {
	err := fmt.Errorf("engine: %s", fmt.Sprintf(format, args...))
	for _, arg := range args {
		if cause, ok := arg.(error); ok {
			err = fmt.Errorf("engine: "+format, withError(args, sentinel(cause))...)
			break
		}
	}
	first := l.s.failure() == nil
	l.s.fail(err)
	if first {
		l.s.opts.OnFatal(err)
	}
	select {}
}

// withError returns args as text, for the message of an error that wraps err.
func withError(args []any, err error) []any {
	out := make([]any, len(args))
	for i, arg := range args {
		if _, ok := arg.(error); ok {
			arg = err
		}
		out[i] = arg
	}
	return out
}
