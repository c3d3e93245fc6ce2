package space

import (
	"context"
	"fmt"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
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
func (s *Space) Simulate(ctx context.Context, draft identity.Rules, progress Progress) (*Simulated, error) {
	began := time.Now()
	rs, err := identity.Compile(draft)
	if err != nil {
		return nil, err
	}
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	rec, _, err := s.storedRules(ctx, r)
	if err != nil {
		return nil, err
	}
	was, err := identity.Compile(rec.Rules)
	if err != nil {
		return nil, fmt.Errorf("the stored rules: %w", err)
	}
	all, err := readOverrides(ctx, r, s.keys)
	if err != nil {
		return nil, err
	}
	view := modelView{
		s: s, r: r, rules: rs, was: was, over: newOverrideSet(s.hasher, rec.Overrides, all).identity,
		same: was.Arrival() == rs.Arrival(),
	}
	total := s.stats.strands.Load()
	out := &Simulated{}
	again := &rereading{view: &view}
	var models []*identity.Model
	events := view.events(ctx)
	if samePlaces(rec.Rules, draft) {
		models, err = view.read(ctx, func(n int64) error {
			progress("reading", n, max(n, total))
			return ctx.Err()
		})
	} else {
		out.Reread = true
		stored, cerr := readCounters(ctx, r, s.keys)
		if cerr != nil {
			return nil, cerr
		}
		events = again.occurrences
		models, err = again.read(ctx, func(n int64) error {
			progress("reading events", n, max(n, stored.Events))
			return ctx.Err()
		})
		out.Damaged = max(stored.Events-again.n, 0)
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

// begin is for long work on the store: its context ends when the space is
// closed, and closing waits until done is called. ErrClosed if it was closed.
func (s *Space) begin(ctx context.Context) (_ context.Context, done func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut {
		return nil, nil, ErrClosed
	}
	s.during.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.life, cancel)
	return ctx, func() {
		stop()
		cancel()
		s.during.Done()
	}, nil
}

// ProfileName is the profile ID that a simulation names as its founder's, "" if
// it names none.
func ProfileName(f identity.Founded, c identity.Collection) string {
	if p := codec.ProfileID(f); !p.IsZero() {
		return p.Text(c)
	}
	return ""
}
