package task

import (
	"context"
	"sync/atomic"
	"time"
)

// Class says how long runs of a task take. Classes do not wait for each other.
type Class int

const (
	// Short runs take fractions of a second, on a store that keeps up.
	Short Class = iota
	// Bulk runs read or write much, for seconds.
	Bulk
	// Long runs may take hours.
	Long
	classes
)

// most is how many runs of a class there are at once.
var most = [classes]int{Short: 16, Bulk: 4, Long: 4}

// Config is what a task is.
type Config struct {
	Class Class
	// Run does the work once. It is never called while it runs. When it fails it is
	// called again after a pause that doubles from ErrorPause to MostErrorPause.
	Run func(context.Context) (Rest, error)
	// Failed is told of each error and of the pause that follows; nil: nobody is. It is
	// not called for errors after the context has ended.
	Failed func(err error, pause time.Duration)
	// ErrorPause is the first pause after an error; 0: 5 s.
	ErrorPause time.Duration
}

// MostErrorPause is the longest pause after errors, unless the first is longer.
const MostErrorPause = time.Minute

// Rest says when a task is due again, counted from the end of a run.
type Rest struct {
	// Least passes in any case. A task that is woken before waits for it.
	Least time.Duration
	// Most passes unless the task is woken; 0: it waits for that however long. Less
	// than Least is Least.
	Most time.Duration
}

// Task is background work of a Scheduler.
type Task struct {
	s   *Scheduler
	ctx context.Context
	cfg Config

	woken atomic.Bool // since the last run began

	// What follows is guarded by the scheduler's lock.
	state   state
	at      time.Time // when it is due, while it is in the queue
	index   int       // in the queue; -1: it is not there
	earlier time.Time // when it may run, if it is woken
	pause   time.Duration
	next    []chan struct{} // closed when the next run has ended
	ended   chan struct{}   // closed when the task has stopped; nil: nobody stops it
}

type state uint8

const (
	resting state = iota // in the queue, or until it is woken
	waiting              // due, for a run of its class to end
	running
	stopped
)

// Wake makes a task due at once, or when the rest after its last run has passed.
// When it runs, it will run once more. It costs little to wake it often.
func (t *Task) Wake() {
	if t.woken.Swap(true) {
		return // the run that somebody else woke it for begins later than now
	}
	s := t.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.ended != nil {
		return
	}
	if t.state == resting && (t.index < 0 || t.earlier.Before(t.at)) {
		s.enqueue(t, t.earlier)
		s.dispatch()
	}
}

// Ran returns a channel that is closed when a run that begins from now on has ended,
// or when the task is stopped.
func (t *Task) Ran() <-chan struct{} {
	c := make(chan struct{})
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	if t.state == stopped || t.ended != nil {
		close(c)
	} else {
		t.next = append(t.next, c)
	}
	return c
}

// Stop ends a task: no run begins any more, and when it returns nil none is under
// way. It does not end the context of a run that is. The end of ctx is its only error.
func (t *Task) Stop(ctx context.Context) error {
	s := t.s
	s.mu.Lock()
	if t.ended == nil {
		t.ended = make(chan struct{})
		if t.state != running {
			s.end(t)
		}
	}
	s.mu.Unlock()
	select {
	case <-t.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
