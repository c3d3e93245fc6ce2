package computed

import (
	"context"
	"log/slog"
	"time"

	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/task"
)

// Config is what the definitions of a space need to work.
type Config struct {
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: slog.Default
	Tasks *task.Scheduler  // runs the evaluator; nil: it does not run by itself
	// Declared says that the definitions come from the configuration: ApplyDefinitions refuses to
	// change them.
	Declared bool
	// CheckDestinations looks for mistakes in the part of a document about destinations;
	// nil: nobody sends anything.
	CheckDestinations func(*Compiled) error
}

// Computed is the definitions of one space at work. All methods may be called from many
// goroutines at once.
type Computed struct {
	cfg       Config
	space     *space.Space
	evaluator *evaluator
	task      *task.Task // nil: it does not run by itself
	life      context.Context
	end       context.CancelFunc
}

// New begins to evaluate the definitions of a space.
func New(s *space.Space, cfg Config) *Computed {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	c := &Computed{cfg: cfg, space: s, evaluator: &evaluator{space: s, lease: s.NewLease("definitions")}}
	c.life, c.end = context.WithCancel(context.Background())
	if cfg.Tasks == nil {
		return c
	}
	c.task = cfg.Tasks.Add(c.life, task.Config{
		Class: task.Short, Run: c.evaluator.run, ErrorPause: time.Second,
		Failed: func(err error, pause time.Duration) {
			cfg.Log.Warn("the definitions could not be evaluated and will be tried again", "error", err, "pause", pause)
		},
	}, task.Rest{})
	s.OnCommit(c.wake)
	c.wake()
	return c
}

// Close stops evaluating. It has to be called before the space is closed.
func (c *Computed) Close(ctx context.Context) error {
	c.end()
	if c.task == nil {
		return nil
	}
	if err := c.task.Stop(ctx); err != nil {
		return err
	}
	return c.evaluator.lease.Release(ctx)
}

// wake has the evaluator look whether there is something to do.
func (c *Computed) wake() {
	if c.task != nil {
		c.task.Wake()
	}
}

func (c *Computed) now() time.Time { return c.cfg.Now() }

// inForce reads the definitions that are in force, whichever node set them.
func (c *Computed) inForce(ctx context.Context) (*space.Definitions, error) {
	v, err := c.space.View(ctx)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	return c.space.DefinitionsAt(ctx, v.Reader())
}
