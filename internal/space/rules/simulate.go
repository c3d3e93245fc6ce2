package rules

import (
	"context"
	"fmt"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Simulated is what draft rules would change in a space.
type Simulated struct {
	Users, Accounts *identity.Simulation
	Strands         int64
	Reread          bool // the draft looks for IDs in other places, so all events were read again
	// Damaged is how many events cannot be read any more, and so were left out, of a
	// simulation that reads events again.
	Damaged int64
	Took    time.Duration
}

// Simulate says what draft rules would change, from one snapshot, in memory (some
// 400 bytes for each strand), and changes nothing. progress is told how many
// strands were read, and then how many IDs were decided; the context ends it.
//
// A draft that looks for IDs in other places than the rules at work reads the
// bodies of all events; see SimulationPlan. The mistakes of Compile come through
// as they are.
func (q *Resolver) Simulate(ctx context.Context, draft identity.Rules, progress space.Progress) (*Simulated, error) {
	began := time.Now()
	rs, err := identity.Compile(draft)
	if err != nil {
		return nil, err
	}
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	ctx, done, err := q.space.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	stored, was, err := q.space.ViewOfDraft(ctx, rs)
	if err != nil {
		return nil, err
	}
	defer stored.Close()
	decided, err := identity.Compile(was)
	if err != nil {
		return nil, fmt.Errorf("the stored rules: %w", err)
	}
	total := q.space.Stats().Strands
	view := modelView{stored: stored, hint: total, was: decided, same: decided.Arrival() == rs.Arrival()}
	out := &Simulated{}
	again := &rereading{view: &view}
	var models []*identity.Model
	events := view.events(ctx)
	if space.SamePlaces(was, draft) {
		models, err = view.read(ctx, func(n int64) error {
			progress("reading", n, max(n, total))
			return ctx.Err()
		})
	} else {
		out.Reread = true
		counted, cerr := stored.Counters()
		if cerr != nil {
			return nil, cerr
		}
		events = again.occurrences
		models, err = again.read(ctx, func(n int64) error {
			progress("reading events", n, max(n, counted.Events))
			return ctx.Err()
		})
		out.Damaged = max(counted.Events-again.n, 0)
	}
	if err != nil {
		return nil, err
	}
	for _, m := range models {
		o, err := m.Outcome(events, func(done, of int) error {
			progress("deciding", int64(done), int64(of))
			return ctx.Err()
		})
		if err != nil {
			return nil, err
		}
		sim := o.Simulation()
		out.Strands += int64(sim.Strands)
		if m.Collection() == identity.Accounts {
			out.Accounts = sim
		} else {
			out.Users = sim
		}
	}
	out.Took = time.Since(began)
	return out, nil
}

// ProfileName is the profile ID that a simulation names as its founder's, "" if
// it names none.
func ProfileName(f identity.Founded, c identity.Collection) string {
	if p := codec.ProfileID(f); !p.IsZero() {
		return p.Text(c)
	}
	return ""
}
