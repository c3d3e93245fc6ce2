package computed

import (
	"fmt"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// storedRows are the rows of strands as they lie in the store.
type storedRows struct {
	v       *space.View
	strands []identity.Hash
}

var _ compute.Rows = (*storedRows)(nil)

// ranges are where the rows of a stream lie between two times, for each strand.
func (s *storedRows) ranges(stream compute.StreamID, from, to int64) []kv.Range {
	out := make([]kv.Range, len(s.strands))
	for i, h := range s.strands {
		of := codec.Rows.Of2(s.v.Keys(), h, uint32(stream))
		out[i] = kv.Range{From: codec.AppendTime(of[:len(of):len(of)], from), To: codec.AppendTime(of[:len(of):len(of)], to)}
	}
	return out
}

func rowOf(e kv.Entry) (compute.Row, error) {
	_, stream, at, ok := codec.Rows.Parse(e.Key)
	if !ok {
		return compute.Row{}, fmt.Errorf("%w: a row", kv.ErrCorrupt)
	}
	return compute.Row{Stream: compute.StreamID(stream), At: at, Value: e.Value}, nil
}

// Scan implements compute.Rows: it merges the strands.
func (s *storedRows) Scan(stream compute.StreamID, from, to int64, row func(*compute.Row) bool) error {
	type run struct {
		kv.Range
		page []compute.Row
		done bool
	}
	runs := make([]run, len(s.strands))
	for i, r := range s.ranges(stream, from, to) {
		runs[i].Range = r
	}
	for {
		var empty []int
		var ranges []kv.Range
		for i := range runs {
			if len(runs[i].page) == 0 && !runs[i].done {
				empty, ranges = append(empty, i), append(ranges, runs[i].Range)
			}
		}
		if len(empty) > 0 {
			pages, err := s.v.Reader().Scans(s.v.Context(), ranges, rowPage, false)
			if err != nil {
				return err
			}
			for k, page := range pages {
				r := &runs[empty[k]]
				r.done = len(page) < rowPage
				for _, e := range page {
					one, err := rowOf(e)
					if err != nil {
						return err
					}
					r.page = append(r.page, one)
				}
				if !r.done {
					r.From = kv.After(page[len(page)-1].Key)
				}
			}
		}
		best := -1
		for i := range runs {
			if len(runs[i].page) > 0 && (best < 0 || runs[i].page[0].At.Before(runs[best].page[0].At)) {
				best = i
			}
		}
		if best < 0 || !row(&runs[best].page[0]) {
			return nil
		}
		runs[best].page = runs[best].page[1:]
	}
}

// Latest implements compute.Rows.
func (s *storedRows) Latest(stream compute.StreamID, to int64) (latest compute.Row, ok bool, err error) {
	pages, err := s.v.Reader().Scans(s.v.Context(), s.ranges(stream, -1<<63, to), 1, true)
	if err != nil {
		return latest, false, err
	}
	for _, page := range pages {
		for _, e := range page {
			one, err := rowOf(e)
			if err != nil {
				return latest, false, err
			}
			if !ok || latest.At.Before(one.At) {
				latest, ok = one, true
			}
		}
	}
	return latest, ok, nil
}

// Fold implements compute.Rows, without tiles.
func (s *storedRows) Fold(stream compute.StreamID, from, to int64, _ func(*compute.Tile) error, row func(*compute.Row) error) error {
	ranges := s.ranges(stream, from, to)
	for len(ranges) > 0 {
		pages, err := s.v.Reader().Scans(s.v.Context(), ranges, rowPage, false)
		if err != nil {
			return err
		}
		more := ranges[:0]
		for i, page := range pages {
			for _, e := range page {
				one, err := rowOf(e)
				if err == nil {
					err = row(&one)
				}
				if err != nil {
					return err
				}
			}
			if len(page) == rowPage {
				more = append(more, kv.Range{From: kv.After(page[len(page)-1].Key), To: ranges[i].To})
			}
		}
		ranges = more
	}
	return nil
}

// strandHashes lists the strands of a profile.
func (g *gathered) strandHashes() []identity.Hash {
	out := make([]identity.Hash, len(g.strands))
	for i, st := range g.strands {
		out[i] = st.Hash
	}
	return out
}
