package app

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/task"
)

// share is what one space may keep in memory.
type share struct {
	cache    int64 // of its writer: strands, IDs, profiles
	dedupe   int64 // for recent message IDs
	profiles int64 // for profiles that were read lately
}

// leastShare is what a space in use needs, however many there are.
const leastShare = 1 << 20

// idleShare is what a space may keep that nobody works with.
var idleShare = share{dedupe: 256 << 10}

const (
	// memoryTime is for how long after its last use a space keeps its share.
	memoryTime = 10 * time.Minute
	shareLook  = time.Minute // how often shares are looked at without a reason
)

// share divides the memory of all spaces among n: a third of each share remembers
// message IDs, a sixth the profiles that people read, the rest what events need. A
// share is a bound: its memory is taken as it is needed.
func (b *budget) share(n int) share {
	each := b.spaces / int64(max(n, 1))
	return share{cache: max(each/2, leastShare), dedupe: max(each/3, leastShare), profiles: max(each/6, leastShare)}
}

// differs reports whether a share is so far from another that a space should be told:
// each change makes it forget something, or read it again.
func (s share) differs(other share) bool {
	far := func(a, b int64) bool { return a > b+b/4 || a < b-b/4 }
	return far(s.cache, other.cache) || far(s.dedupe, other.dedupe) || far(s.profiles, other.profiles)
}

// memoryTask divides the memory among the spaces in use.
func (e *Engine) memoryTask() *task.Task {
	var given map[*space.Space]share
	return e.tasks.Add(context.Background(), task.Config{Run: func(context.Context) (task.Rest, error) {
		rest := task.Rest{Least: time.Second, Most: shareLook}
		var all bool
		if given, all = e.divide(given); !all {
			rest.Most = rest.Least
		}
		return rest, nil
	}}, task.Rest{Most: shareLook})
}

// divide gives each space its share, unless it has about that, and returns what each
// was given. all says that each has its share; one that is busy is told later.
func (e *Engine) divide(was map[*space.Space]share) (given map[*space.Space]share, all bool) {
	open := e.open()
	used := 0
	for _, s := range open {
		if s.Idle() < memoryTime {
			used++
		}
	}
	each := e.budget.share(used)
	given, all = make(map[*space.Space]share, len(open)), true
	for _, one := range open {
		s := one.Space
		want := idleShare
		if s.Idle() < memoryTime {
			want = each
		}
		had, told := was[s]
		switch {
		case told && !want.differs(had):
			given[s] = had
		case s.SetMemory(want.cache, want.dedupe):
			one.Reader.KeepProfiles(want.profiles)
			given[s] = want
		default:
			all = false
			if told {
				given[s] = had
			}
		}
	}
	return given, all
}
