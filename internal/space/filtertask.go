package space

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/task"
)

// runFilter reads which IDs there are, if the memory wants to know that.
func (s *Space) runFilter(ctx context.Context) (task.Rest, error) {
	return task.Rest{}, s.memory.ReadIDs(ctx, s.store, s.keys, s.stats.strands.Load(), &s.writing, func() bool { return s.feedSeq > 0 })
}
