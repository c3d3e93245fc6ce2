package duplicates

import (
	"context"
	"log/slog"
	"time"

	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/task"
)

// Config is what the search for duplicates needs to work.
type Config struct {
	Log   *slog.Logger    // nil: slog.Default
	Tasks *task.Scheduler // runs the pass; nil: it runs when it is called
	// Pause is the least rest between two runs; 0: 2 seconds.
	Pause time.Duration
}

// Finder finds and lists the possible duplicates of one space. Its methods may be
// called from many goroutines at once.
type Finder struct {
	cfg   Config
	space *space.Space
	lease *lease.Lease
	task  *task.Task
	pace  *space.Pace
	end   context.CancelFunc
}

// New begins to look for the duplicates of a space. It has to be closed before the
// space is.
func New(s *space.Space, cfg Config) *Finder {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Pause == 0 {
		cfg.Pause = 2 * time.Second
	}
	d := &Finder{cfg: cfg, space: s, lease: s.NewLease("duplicates"), pace: s.Pace(), end: func() {}}
	if cfg.Tasks == nil {
		return d
	}
	var life context.Context
	life, d.end = context.WithCancel(context.Background())
	d.task = cfg.Tasks.Add(life, task.Config{
		Class: task.Short, Run: d.run,
		Failed: func(err error, pause time.Duration) {
			cfg.Log.Warn("the search for duplicates could not go on and will be tried again", "space", s.ID(), "error", err, "pause", pause)
		},
	}, task.Rest{Least: cfg.Pause})
	s.OnCommit(d.task.Wake)
	d.task.Wake()
	return d
}

// Close ends the search.
func (d *Finder) Close(ctx context.Context) error {
	d.end()
	if d.task != nil {
		if err := d.task.Stop(ctx); err != nil {
			return err
		}
	}
	return d.lease.Release(ctx)
}
