package app

import (
	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/httpapi/manage"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/pebblekv"
)

// losses shows the API what starts found missing in a directory.
type losses struct{ *pebblekv.Store }

// lossesOf returns nil for a database, which looks after its own files.
func lossesOf(s kv.Store) manage.Losses {
	if p, ok := s.(*pebblekv.Store); ok {
		return losses{p}
	}
	return nil
}

func (l losses) Losses() []api.Loss {
	var out []api.Loss
	for _, one := range l.Store.Losses() {
		loss := api.Loss{Commits: one.Commits, Events: one.Units, Until: one.Until.UTC(), Found: one.Found.UTC(), Where: one.Where}
		if !one.After.IsZero() {
			after := one.After.UTC()
			loss.After = &after
		}
		out = append(out, loss)
	}
	return out
}

// cut reports whether the store has lost its end, and nobody has seen to it yet.
// Readers of a feed may have seen what is missing: what comes now must not bear
// its numbers, or they would pass over it.
func (e *Engine) cut() bool {
	p, ok := e.store.(*pebblekv.Store)
	return ok && len(p.Losses()) > 0
}
