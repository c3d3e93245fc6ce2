package task_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/selfsame-id/selfsame/internal/task"
)

// A task runs when it is woken, after its rest, and when its pause is over.
func TestTasksRunWhenTheyAreDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var runs []time.Duration
		rest := task.Rest{Least: 2 * time.Second}
		x := task.New().Add(t.Context(), task.Config{Run: func(context.Context) (task.Rest, error) {
			runs = append(runs, time.Since(began))
			return rest, nil
		}}, task.Rest{})
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(runs) != 0 {
			t.Fatalf("it ran at %v, and nobody woke it", runs)
		}
		x.Wake() // 1h
		synctest.Wait()
		x.Wake() // rests until 1h0m2s
		x.Wake()
		time.Sleep(time.Minute)
		synctest.Wait()
		rest.Most = time.Hour
		x.Wake() // 1h1m, and 2h1m without being woken
		time.Sleep(time.Hour + time.Second)
		synctest.Wait()
		want := []time.Duration{time.Hour, time.Hour + 2*time.Second, time.Hour + time.Minute, 2*time.Hour + time.Minute}
		if fmt.Sprint(runs) != fmt.Sprint(want) {
			t.Errorf("it ran at %v, want %v", runs, want)
		}
		if err := x.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		x.Wake()
		<-x.Ran()
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if len(runs) != len(want) {
			t.Errorf("it ran after it was stopped")
		}
	})
}

// What fails is tried again after pauses that double, and nobody can hurry it.
func TestErrorsMakePauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex
		var runs []int
		var told []time.Duration
		x := task.New().Add(t.Context(), task.Config{
			Run: func(context.Context) (task.Rest, error) {
				mu.Lock()
				defer mu.Unlock()
				if runs = append(runs, int(time.Since(began).Seconds())); len(runs) > 6 {
					return task.Rest{}, nil
				}
				return task.Rest{}, errors.New("not yet")
			},
			Failed: func(_ error, pause time.Duration) { told = append(told, pause) },
		}, task.Rest{})
		x.Wake()
		time.Sleep(time.Second / 2) // apart from when it is due
		for range 200 {
			time.Sleep(time.Second)
			synctest.Wait()
			mu.Lock()
			n := len(runs)
			mu.Unlock()
			if n > 6 {
				break
			}
			x.Wake()
		}
		_ = x.Stop(t.Context())
		if want := []int{0, 5, 15, 35, 75, 135, 195}; fmt.Sprint(runs) != fmt.Sprint(want) {
			t.Errorf("it ran at %v s, want %v", runs, want)
		}
		if fmt.Sprint(told) != "[5s 10s 20s 40s 1m0s 1m0s]" {
			t.Errorf("told of %v", told)
		}
	})
}

// Long runs take no place of short ones, and there are so many at once and no more.
func TestClassesDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := task.New()
		var now, most, done, short atomic.Int32
		release := make(chan struct{})
		var all []*task.Task
		for i := range 20 {
			all = append(all, s.Add(t.Context(), task.Config{Class: task.Long, Run: func(context.Context) (task.Rest, error) {
				for n := now.Add(1); n > most.Load(); {
					most.Store(n)
				}
				<-release
				now.Add(-1)
				done.Add(1)
				return task.Rest{}, nil
			}}, task.Rest{Most: time.Duration(i + 1)}))
		}
		all = append(all, s.Add(t.Context(), task.Config{Run: func(context.Context) (task.Rest, error) {
			short.Add(1)
			return task.Rest{}, nil
		}}, task.Rest{Most: time.Millisecond}))
		time.Sleep(time.Second)
		synctest.Wait()
		if short.Load() != 1 || now.Load() < 2 || now.Load() > 8 {
			t.Errorf("%d short runs, %d long ones at once", short.Load(), now.Load())
		}
		waiting := all[19]
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := all[0].Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a run that goes on was stopped: %v", err)
		}
		if err := waiting.Stop(t.Context()); err != nil { // it has not begun
			t.Error(err)
		}
		close(release)
		for _, x := range all {
			if err := x.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if s.Len() != 0 || done.Load() >= 20 {
			t.Errorf("%d are left, %d done", s.Len(), done.Load())
		}
	})
}

// Ran tells of a run that began after the question, never of one that was under way.
func TestRanTellsOfTheNextRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		x := task.New().Add(t.Context(), task.Config{Run: func(context.Context) (task.Rest, error) {
			time.Sleep(time.Second)
			runs.Add(1)
			return task.Rest{}, nil
		}}, task.Rest{})
		x.Wake()
		synctest.Wait() // the first run is under way
		ran := x.Ran()
		x.Wake()
		if <-ran; runs.Load() != 2 {
			t.Errorf("%d runs have ended", runs.Load())
		}
		ran = x.Ran()
		_ = x.Stop(t.Context())
		<-ran
	})
}

// Whoever wakes a task after a change can rely on a run that sees the change, with
// many who wake and stop tasks at once.
func TestNoWakeIsLost(t *testing.T) {
	s := task.New()
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(g), 1))
			var asked, seen atomic.Int64
			x := s.Add(t.Context(), task.Config{Class: task.Class(g % 3), Run: func(context.Context) (task.Rest, error) {
				seen.Store(asked.Load())
				return task.Rest{Least: time.Duration(rng.IntN(3)) * time.Microsecond}, nil
			}}, task.Rest{})
			for range 2000 {
				n := asked.Add(1)
				x.Wake()
				for seen.Load() < n {
					runtime.Gosched()
				}
			}
			if err := x.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := s.Len(); n != 0 {
		t.Errorf("%d tasks are left", n)
	}
}

// A hundred thousand tasks that rest take no goroutine.
func TestRestingTasksCostNoGoroutine(t *testing.T) {
	s := task.New()
	before := runtime.NumGoroutine()
	var all []*task.Task
	for range 100_000 {
		all = append(all, s.Add(t.Context(), task.Config{Run: func(context.Context) (task.Rest, error) { return task.Rest{}, nil }}, task.Rest{Most: time.Hour}))
	}
	if n := runtime.NumGoroutine() - before; n > 5 {
		t.Errorf("%d goroutines more", n)
	}
	for _, x := range all {
		if err := x.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
