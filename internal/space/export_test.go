package space

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
	"github.com/selfsame-id/selfsame/internal/space/tx"
	"github.com/selfsame-id/selfsame/internal/task"
)

// NextJob has the job run and returns a channel that is closed when it has.
func (s *Space) NextJob() <-chan struct{} { return next(s.tasks.job) }

func next(t *task.Task) <-chan struct{} {
	ran := t.Ran()
	t.Wake()
	return ran
}

// TrimRejects has the job look at the budget of refused messages to the end.
func (s *Space) TrimRejects(ctx context.Context) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	for {
		s.job.trim = time.Time{}
		n, err := s.trimPage(ctx, lease.Fence{})
		if err != nil || n == 0 {
			return err
		}
	}
}

// Repack packs the bodies of a block again, with another one in the place of one;
// without packed bodies, none.
func Repack(packed []byte, ordinal int, body []byte) []byte {
	bodies, err := journal.UnpackBodies(packed)
	if err == nil {
		bodies[ordinal] = body
	}
	var p journal.Packer
	return p.Pack(nil, bodies)
}

// Botch makes a change as the jobs do, with a mistake in it: a panic while it is
// decided, or, with late, a record that is not there when it is written.
func (s *Space) Botch(ctx context.Context, late bool) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.update(ctx, change{}, func(d *Tx) error {
		if !late {
			panic("a mistake")
		}
		ids := []identity.ID{{Type: "user_id", Value: "nobody"}}
		st := &codec.Strand{Strand: identity.NewStrand(d.Hasher(), identity.Users, ids)}
		if err := d.Restart(st, tx.Occasion{}); err != nil {
			return err
		}
		d.Absent(st.Hash)
		return nil
	})
}
