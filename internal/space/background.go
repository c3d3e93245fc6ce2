package space

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/selfsame-id/selfsame/internal/task"
)

// The background work of a space, as tasks of the scheduler that all spaces of a
// process share. A space in which nothing happens has no goroutine and no timer, and
// its tasks are due rarely; commits, changes of rules and use wake them.
type tasks struct {
	job    *task.Task // replays that were deferred, rejects that must go, the lease of a shared store
	rules  *task.Task // applies new rules to what is there
	filter *task.Task // reads which IDs there are, after the start
}

const (
	// usedTime is for how long after it was used last a space is in use.
	usedTime = time.Minute
	// idlePause is how long the tasks of an idle space rest, on a store that nobody
	// else writes: what ages there ages in days.
	idlePause = time.Hour
	// On a shared store other nodes may leave work behind. A process looks at one of its
	// idle spaces each idleLook, at each once in gaugePause at most.
	idleLook = 100 * time.Millisecond
)

func (s *Space) startTasks() {
	failed := func(what string) func(error, time.Duration) {
		return func(err error, pause time.Duration) {
			s.log.Warn(what, "space", s.cfg.ID, "error", err, "pause", pause)
		}
	}
	add := func(class task.Class, run func(context.Context) (task.Rest, error), what string, first task.Rest) *task.Task {
		return s.cfg.Tasks.Add(s.life, task.Config{Class: class, Run: run, Failed: failed(what), ErrorPause: jobErrorPause}, first)
	}
	// A process that opens very many spaces does not do its hourly duties for all of them
	// at once.
	s.job.duties = time.Now().Add(-rand.N(idlePause))
	// Each run may wake the others: all are there before the first one runs.
	s.tasks.job = add(task.Short, s.runJob, "the job could not run and will be tried again", task.Rest{})
	s.tasks.rules = add(task.Long, s.runRules, "new rules are not applied to all that is there yet; it will be tried again", task.Rest{})
	s.tasks.filter = add(task.Bulk, s.runFilter, "the filter of known IDs stays empty, ingestion is slower", task.Rest{})
	s.tasks.job.Wake()
	s.tasks.rules.Wake()
	if s.memory != nil {
		s.tasks.filter.Wake()
	}
}

func (s *Space) stopTasks() {
	for _, t := range [...]*task.Task{s.tasks.job, s.tasks.rules, s.tasks.filter} {
		_ = t.Stop(context.Background()) // each ends with s.life
	}
	s.followers.stop()
}

// wakeTasks tells the tasks of what a commit has left for them. It is called by the
// writer.
func (s *Space) wakeTasks(c *commit) {
	if s.tasks.job == nil {
		return // the space is being opened
	}
	if c.Defers() > 0 || c.refused() > 0 {
		s.tasks.job.Wake()
	}
	s.followers.wake()
	if s.memory != nil && s.memory.WantsIDs() {
		s.tasks.filter.Wake()
	}
}

// Use says that somebody works with the space. When nobody did for a while, it sees
// to it on a shared store that this node knows of rules that other nodes set
// meanwhile; from then on its tasks do. It reports whether the space was idle.
func (s *Space) Use(ctx context.Context) (wasIdle bool) {
	now := time.Now().UnixNano()
	last := s.used.Load()
	if now-last < int64(usedTime)/8 {
		return false
	}
	if !s.store.Exclusive() && now-last >= int64(usedTime) {
		if err := s.catchUp(ctx); err != nil {
			s.log.Debug("the rules could not be looked up", "space", s.cfg.ID, "error", err)
			return true // what is asked will meet the same
		}
	}
	s.used.Store(now)
	if wasIdle = now-last >= int64(usedTime); wasIdle {
		s.tasks.job.Wake()
		s.followers.wake()
	}
	return wasIdle
}

// catchUp takes over what other nodes have set.
func (s *Space) catchUp(ctx context.Context) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if time.Since(s.job.counted) < gaugePause {
		return nil
	}
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	return s.followRules(ctx, r)
}

// InUse reports whether somebody works with the space on this node.
func (s *Space) InUse() bool { return s.Idle() < usedTime }

// Idle is for how long nobody has worked with the space; very long if nobody has
// since it was opened.
func (s *Space) Idle() time.Duration { return time.Duration(time.Now().UnixNano() - s.used.Load()) }

// IdleRest is how long background work rests at most while nobody works with the space:
// long on a store that nobody else writes, where commits and use wake it.
func (s *Space) IdleRest() time.Duration {
	if s.store.Exclusive() {
		return idlePause
	}
	return max(gaugePause, time.Duration(s.cfg.Tasks.Len())*idleLook/4)
}

// SetMemory changes how much the space may keep in memory, in bytes, see
// Config.CacheBytes and Config.DedupeBytes. It reports false, and changes nothing,
// while a commit is under way.
func (s *Space) SetMemory(cache, dedupe int64) bool {
	if !s.writing.TryLock() {
		return false
	}
	defer s.writing.Unlock()
	s.cache.resize(cache / 2)
	s.pairs.resize(cache / 16)
	if s.memory != nil {
		s.memory.Resize(cache * 7 / 16)
	}
	s.spare = nil
	if l, ok := s.dedupe.(*localRepeats); ok {
		l.recent.SetBudget(dedupe)
	}
	return true
}

// Begin is for long work on the store: its context ends when the space is
// closed, and closing waits until done is called. ErrClosed if it was closed.
func (s *Space) Begin(ctx context.Context) (_ context.Context, done func(), err error) {
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
