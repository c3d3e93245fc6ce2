package space

import (
	"context"
	"errors"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/space/dedupe"
)

// Dedupe says with what the messages of a delivery are compared.
type Dedupe uint8

const (
	// DedupeWindow: with what arrived within the dedupe window.
	DedupeWindow Dedupe = iota
	// DedupeOld: those whose own time lies before the window with the whole store.
	// An event is never received before its time, so what is younger can be in
	// the window only.
	DedupeOld
	// DedupeAll: all of them with the whole store.
	DedupeAll
)

// ParseDedupe reads the name of a way to compare: auto (which is DedupeOld), all,
// window.
func ParseDedupe(s string) (Dedupe, bool) {
	switch s {
	case "auto":
		return DedupeOld, true
	case "all":
		return DedupeAll, true
	case "window":
		return DedupeWindow, true
	}
	return 0, false
}

// String is the name of a way to compare.
func (d Dedupe) String() string { return [...]string{"window", "auto", "all"}[d] }

// compare marks the events of a delivery whose messageIds are in the store
// already, with whatever age. It returns how many were compared.
func (s *Space) compare(ctx context.Context, w *ingestRequest) (int, error) {
	now := s.cfg.Now().UnixNano()
	edge := now - int64(s.cfg.DedupeWindow)
	var asked []*prepared
	for i := range w.events {
		if e := &w.events[i]; w.delivery.Dedupe == DedupeAll || e.msg.Time <= edge {
			asked = append(asked, e)
		}
	}
	if len(asked) == 0 {
		return 0, nil
	}
	p, err := s.history.Acquire(ctx, now)
	switch {
	case errors.Is(err, dedupe.ErrReading), errors.Is(err, dedupe.ErrTooSlow):
		return 0, fmt.Errorf("%w: %w", ErrOverloaded, err)
	case errors.Is(err, dedupe.ErrClosed):
		return 0, ErrClosed
	case err != nil:
		return 0, err
	}
	defer s.history.Release(p)
	hits, err := dedupe.Find(p, asked)
	if err != nil {
		return 0, err
	}
	if len(hits) == 0 {
		return len(asked), nil
	}
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	out := make([]dedupe.Seen, len(asked))
	if err := dedupe.Confirm(ctx, r, s.keys, s.rulesKnown(), hits, asked, out); err != nil {
		return 0, err
	}
	for i, e := range asked {
		e.known = out[i]
	}
	return len(asked), nil
}
