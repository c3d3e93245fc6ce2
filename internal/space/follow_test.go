package space

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/selfsame-id/selfsame/internal/task"
)

// A follower in the middle of a commit wakes the others while the space is closed.
func TestStoppingFollowersThatWakeOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sched := task.New()
		life, end := context.WithCancel(t.Context())
		var f followers
		running := make(chan struct{})
		f.tasks = append(f.tasks, sched.Add(life, task.Config{Run: func(ctx context.Context) (task.Rest, error) {
			close(running)
			<-ctx.Done()
			f.wake()
			return task.Rest{}, nil
		}}, task.Rest{}))
		f.wake()
		<-running
		end()
		f.stop() // ends, or the test does not
	})
}
