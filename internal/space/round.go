package space

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/rejects"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// commit is a Tx with what makes a commit of it: its place in the lane, its record of
// the feed, and what comes with ingest requests.
type commit struct {
	*Tx
	definitions *Definitions // at work

	record feed.Record
	clock  uint64 // of the first block
	lane   uint64 // of the blocks
	blocks uint64 // used
	hour   laneHour

	// What comes with ingest requests.
	receipts []Receipt // one a request
	fresh    []placedEvent
	repeats  int
	used     []*prepared // whose messageIds other events had before
	newTypes []string    // noted by this commit; oldTypes made room for them
	oldTypes []string
	sources  []sourceNews
	rejects  *rejects.News // what becomes of refused messages
}

// open makes an empty commit ready for work on a snapshot.
func (s *Space) open(ctx context.Context, c *commit, r kv.Reader, rs *identity.Ruleset, now time.Time) {
	b := s.basis(rs)
	b.Memory = s.memory
	c.Open(ctx, r, now, b)
	c.definitions = s.definitions.Load()
	c.LastID = s.lastID
	c.clock, c.lane = max(event.Clock(now.UnixNano()), s.clock+1), s.lane
	c.record = feed.Record{Lane: s.lane, Seq: s.feedSeq + 1, Time: now.UnixNano()}
}

// block is the number of the n-th block of the commit, from 0.
func (c *commit) block(n uint64) event.Block {
	return event.NewBlock(c.clock+n, uint32(c.lane))
}

// takeRoom takes the room of the last commit, or makes one.
func (s *Space) takeRoom() *commit {
	c := s.spare
	if c == nil {
		return newCommit()
	}
	s.spare = nil
	return c
}

func newCommit() *commit { return &commit{Tx: tx.New()} }

// recycle keeps the room of a commit for the next one.
func (s *Space) recycle(c *commit) {
	c.Reset()
	clear(c.fresh)
	*c = commit{Tx: c.Tx, fresh: c.fresh[:0]}
	s.spare = c
}
