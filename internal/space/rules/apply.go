package rules

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/space"
)

// passesBeside is after how many passes the next one has events wait, so that it
// comes to an end under any load. Shared stores cannot have that.
const passesBeside = 6

// portionStrands is about how many strands are decided again in one commit, so
// that events wait for some tens of milliseconds.
const portionStrands = 500

// Apply moves events where the rules at work look for IDs in other places, and decides
// again what does not follow from the rules, pass after pass, until a pass finds nothing. It is what space.Config.ApplyRules wants.
func Apply(ctx context.Context, w *space.Applying) error {
	if err := rekey(ctx, w); err != nil {
		return err
	}
	changed := int64(0)
	for pass := 1; ; pass++ {
		n, err := applyPass(ctx, w, pass, changed)
		if err != nil {
			return err
		}
		changed += n
		if n == 0 && pass > 1 {
			return nil
		}
	}
}

// applyPass decides again what differs in a snapshot, or all of it, and returns
// how many places that were.
func applyPass(ctx context.Context, w *space.Applying, pass int, before int64) (int64, error) {
	held := false
	if pass > passesBeside {
		var release func()
		release, held = w.Hold()
		defer release()
	}
	tell := func(stage string, done, total, changed int64) error {
		return w.Tell(ctx, space.ApplyProgress{Pass: pass, Stage: stage, Done: done, Total: total, Changed: before + changed})
	}
	stored, err := w.View(ctx)
	if err != nil {
		return 0, err
	}
	defer stored.Close()
	view := modelView{stored: stored, hint: w.Strands(), strict: pass == 1, all: pass == 1 && w.Everything(), owners: true}
	models, err := view.read(ctx, func(n int64) error { return tell("reading", n, w.Strands(), 0) })
	if err != nil {
		return 0, err
	}
	changed := int64(0)
	for _, m := range models {
		outcome, err := m.Outcome(view.events(ctx), func(int, int) error { return tell("reading", 0, 0, changed) })
		if err != nil {
			return changed, err
		}
		places := outcome.Different()
		for done := 0; done < len(places); {
			if err := tell("deciding", int64(done), int64(len(places)), changed); err != nil {
				return changed, err
			}
			end, strands := done, 0
			for end < len(places) && (strands == 0 || strands+len(places[end]) <= portionStrands) {
				strands += len(places[end])
				end++
			}
			began := time.Now()
			if err := w.Decide(ctx, places[done:end]); err != nil {
				return changed, err
			}
			changed += int64(end - done)
			done = end
			if w.EventsWait() && !held {
				time.Sleep(min(time.Since(began), 50*time.Millisecond)) // events come first
			}
		}
	}
	return changed, nil
}
