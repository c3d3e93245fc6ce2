package computed

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/task"
)

// Config is what the definitions of a space need to work.
type Config struct {
	Now  func() time.Time // nil: time.Now
	Idle bool             // the evaluator does not run by itself
	// Declared says that the definitions come from the configuration: ApplyDefinitions refuses to
	// change them.
	Declared bool
	// TraitNames says which traits documents may ask about; nil: any.
	TraitNames TraitNames
}

// Computed is the definitions of one space at work. All methods may be called from many
// goroutines at once.
type Computed struct {
	cfg       Config
	space     *space.Space
	evaluator *evaluator
	task      *task.Task // nil: it does not run by itself
}

// New begins to evaluate the definitions of a space, until that is closed.
func New(s *space.Space, cfg Config) *Computed {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Computed{cfg: cfg, space: s, evaluator: &evaluator{space: s}}
	if !cfg.Idle {
		c.task = s.Follow(space.Follower{
			Duty: duty, Class: task.Short, Run: c.evaluator.run,
			Failed: "computed traits and audiences could not be evaluated; it will be tried again",
		})
	}
	return c
}

// duty names the lease of the evaluator.
const duty = "definitions"

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
