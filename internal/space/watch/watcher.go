package watch

import (
	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/task"
)

// Watcher warns of what people should look at in one space. Its methods may be called
// from many goroutines at once.
type Watcher struct {
	space  *space.Space
	lease  *lease.Lease
	task   *task.Task
	memory *memory // the task's own
}

// New begins to watch a space, until that is closed.
func New(s *space.Space) *Watcher {
	w := &Watcher{space: s, lease: s.NewLease("warnings")}
	w.task = s.Follow(space.Follower{
		Duty: "warnings", Lease: w.lease, Class: task.Short, Run: w.run,
		Failed: "the watcher could not look for what is unusual and will try again",
	})
	return w
}
