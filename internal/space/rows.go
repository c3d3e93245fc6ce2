package space

import (
	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// Rows of the definitions hang on strands. A row is written with its event, in the
// same commit, and never changed; it moves when its event gets another strand, and
// goes when that is erased. Whoever evaluates definitions reads the rows of a profile's
// strands, so regrouping strands touches no row: the feed says which profiles got
// other strands, and which strands got rows.

// extract takes out of a delivery's events what the definitions at work need.
func (s *Space) extract(w *ingestRequest) {
	w.definitions = s.definitions.Load()
	x := w.definitions.Extractor
	if x == nil {
		for i := range w.events {
			w.events[i].rows = nil
		}
		return
	}
	var taken compute.Taken
	for i := range w.events {
		e := &w.events[i]
		from := len(taken.Rows)
		x.Extract(e.msg, w.delivery.Source, &taken)
		e.rows = taken.Rows[from:len(taken.Rows):len(taken.Rows)]
	}
}

// stageRows puts the rows of new events into the batch and the feed record.
func (s *Space) stageRows(c *commit) {
	n := 0
	for i := range c.fresh {
		e := &c.fresh[i]
		tx.PlaceRows(e.strands(), e.rows, func(identity.Hash, *compute.Row) { n++ })
	}
	if n == 0 {
		return
	}
	arena := make([]byte, 0, n*codec.RowKeyBytes)
	c.record.Rows = make([]feed.Row, 0, n)
	for i := range c.fresh {
		e := &c.fresh[i]
		tx.PlaceRows(e.strands(), e.rows, func(strand identity.Hash, row *compute.Row) {
			at := len(arena)
			arena = codec.Rows.Append(arena, c.Keys(), strand, uint32(row.Stream), e.at)
			s.putNew(&c.Batch, arena[at:len(arena):len(arena)], row.Value)
			c.record.Rows = append(c.record.Rows, feed.Row{Strand: strand, Stream: uint32(row.Stream), At: e.at, Value: row.Value})
		})
	}
}
