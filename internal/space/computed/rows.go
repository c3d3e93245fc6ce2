package computed

import (
	"fmt"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// rowPage is how many rows of a strand are read at once.
const rowPage = 512

// readRows reads the rows of strands, those of all in few round trips, and calls f with
// each: the place of its strand, and the row. Rows are in no order.
func (c *Compiled) readRows(v *space.View, strands []identity.Hash, f func(strand int, row compute.Row)) error {
	for i, h := range strands {
		for _, row := range c.extra[h] {
			f(i, row)
		}
	}
	ranges := make([]kv.Range, len(strands))
	at := make([]int, len(strands))
	for i, h := range strands {
		ranges[i].From, ranges[i].To = codec.Under(codec.Rows.Of(v.Keys(), h))
		at[i] = i
	}
	for len(ranges) > 0 {
		pages, err := v.Reader().Scans(v.Context(), ranges, rowPage, false)
		if err != nil {
			return err
		}
		more, moreAt := ranges[:0], at[:0]
		for i, page := range pages {
			for _, e := range page {
				_, stream, moment, ok := codec.Rows.Parse(e.Key)
				if !ok {
					return fmt.Errorf("%w: a row", kv.ErrCorrupt)
				}
				if c.stored != nil && !c.stored[compute.StreamID(stream)] {
					continue
				}
				f(at[i], compute.Row{Stream: compute.StreamID(stream), At: moment, Value: e.Value})
			}
			if len(page) == rowPage {
				more = append(more, kv.Range{From: kv.After(page[len(page)-1].Key), To: ranges[i].To})
				moreAt = append(moreAt, at[i])
			}
		}
		ranges, at = more, moreAt
	}
	return nil
}

// rowsOf reads the rows of each of some profiles of users.
func (c *Compiled) rowsOf(v *space.View, profiles []gathered) ([]compute.RowList, error) {
	var strands []identity.Hash
	var of []int
	for i := range profiles {
		if rec := profiles[i].rec; rec == nil || rec.Collection == identity.Accounts {
			continue // see evaluateAccount
		}
		for _, st := range profiles[i].strands {
			strands, of = append(strands, st.Hash), append(of, i)
		}
	}
	rows := make([][]compute.Row, len(profiles))
	err := c.readRows(v, strands, func(strand int, row compute.Row) {
		rows[of[strand]] = append(rows[of[strand]], row)
	})
	if err != nil {
		return nil, err
	}
	out := make([]compute.RowList, len(profiles))
	for i := range rows {
		out[i] = compute.NewRowList(rows[i])
	}
	return out, nil
}
