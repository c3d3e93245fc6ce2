package task

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// Scheduler runs tasks when they are due. Its methods and those of its tasks may be
// called from many goroutines at once. It needs no end: when its tasks are stopped it
// holds nothing.
type Scheduler struct {
	mu      sync.Mutex
	tasks   int
	queue   queue
	due     [classes][]*Task // waiting, the longest first
	running [classes]int
	timer   *time.Timer
	rings   time.Time // when the timer does; zero: it does not
}

// New makes a scheduler.
func New() *Scheduler { return &Scheduler{} }

// Add adds a task, which rests first. Each run gets ctx.
func (s *Scheduler) Add(ctx context.Context, cfg Config, first Rest) *Task {
	if cfg.ErrorPause == 0 {
		cfg.ErrorPause = 5 * time.Second
	}
	now := time.Now()
	t := &Task{s: s, ctx: ctx, cfg: cfg, index: -1, earlier: now.Add(first.Least)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tasks++
	if first.Most > 0 {
		s.enqueue(t, now.Add(max(first.Least, first.Most)))
		s.dispatch()
	}
	return t
}

// Len is how many tasks there are that were not stopped.
func (s *Scheduler) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tasks
}

// enqueue has a resting task due at a time. The caller holds mu, as in what follows.
func (s *Scheduler) enqueue(t *Task, at time.Time) {
	t.at = at
	if t.index >= 0 {
		heap.Fix(&s.queue, t.index)
	} else {
		heap.Push(&s.queue, t)
	}
}

// dispatch starts what is due, as far as there is room, and sets the timer for what
// is due next.
func (s *Scheduler) dispatch() {
	now := time.Now()
	for len(s.queue) > 0 && !s.queue[0].at.After(now) {
		t := heap.Pop(&s.queue).(*Task)
		t.state = waiting
		class := t.cfg.Class
		s.due[class] = append(s.due[class], t)
		if s.running[class] < most[class] {
			s.running[class]++
			go s.work(class)
		}
	}
	if len(s.queue) == 0 {
		return // a timer that is set rings in vain, once
	}
	next := s.queue[0].at
	if !s.rings.IsZero() && !s.rings.After(next) {
		return
	}
	s.rings = next
	if s.timer == nil {
		s.timer = time.AfterFunc(next.Sub(now), s.ring)
	} else {
		s.timer.Reset(next.Sub(now))
	}
}

func (s *Scheduler) ring() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rings = time.Time{}
	s.dispatch()
}

// work runs what is due of a class, one after the other, until nothing is.
func (s *Scheduler) work(class Class) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.due[class]) > 0 {
		t := s.due[class][0]
		s.due[class][0] = nil
		if s.due[class] = s.due[class][1:]; len(s.due[class]) == 0 {
			s.due[class] = nil
		}
		if t.state == waiting { // it may have been stopped
			s.run(t)
		}
	}
	s.running[class]--
}

// run runs a task once, without the lock.
func (s *Scheduler) run(t *Task) {
	t.state = running
	t.woken.Swap(false)
	told := t.next
	t.next = nil
	s.mu.Unlock()
	rest, err := t.cfg.Run(t.ctx)
	if err == nil {
		t.pause = 0
	} else {
		t.pause = min(max(2*t.pause, t.cfg.ErrorPause), max(MostErrorPause, t.cfg.ErrorPause))
		rest = Rest{Least: t.pause, Most: t.pause}
		if t.ctx.Err() == nil && t.cfg.Failed != nil {
			t.cfg.Failed(err, t.pause)
		}
	}
	s.mu.Lock()
	for _, c := range told {
		close(c)
	}
	if t.ended != nil {
		s.end(t)
		return
	}
	now := time.Now()
	t.state, t.earlier = resting, now.Add(rest.Least)
	if t.woken.Load() {
		s.enqueue(t, t.earlier)
	} else if rest.Most > 0 {
		s.enqueue(t, now.Add(max(rest.Least, rest.Most)))
	}
	s.dispatch()
}

// end takes a task that does not run out of the scheduler.
func (s *Scheduler) end(t *Task) {
	if t.index >= 0 {
		heap.Remove(&s.queue, t.index)
	}
	t.state = stopped
	s.tasks--
	for _, c := range t.next {
		close(c)
	}
	t.next = nil
	close(t.ended)
}

// queue is a heap of tasks by when they are due.
type queue []*Task

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push is part of heap.Interface.
func (q *queue) Push(x any) {
	t := x.(*Task)
	t.index = len(*q)
	*q = append(*q, t)
}

// Pop is part of heap.Interface.
func (q *queue) Pop() any {
	old := *q
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	t.index = -1
	return t
}
