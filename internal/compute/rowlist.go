package compute

import (
	"slices"
	"sort"
)

// RowList is Rows in memory, sorted by stream and moment; see NewRowList.
type RowList []Row

// NewRowList sorts rows, in place, and leaves out repeats of a stream and moment.
func NewRowList(rows []Row) RowList {
	slices.SortStableFunc(rows, compareRows)
	return slices.CompactFunc(rows, func(a, b Row) bool { return compareRows(a, b) == 0 })
}

func compareRows(a, b Row) int {
	if a.Stream != b.Stream {
		if a.Stream < b.Stream {
			return -1
		}
		return 1
	}
	return a.At.Compare(b.At)
}

// at is the index of the first row of a stream that is not before a time.
func (l RowList) at(stream StreamID, time int64) int {
	return sort.Search(len(l), func(i int) bool {
		return l[i].Stream > stream || l[i].Stream == stream && l[i].At.Time >= time
	})
}

// Scan implements Rows.
func (l RowList) Scan(stream StreamID, from, to int64, row func(*Row) bool) error {
	for i := l.at(stream, from); i < len(l) && l[i].Stream == stream && l[i].At.Time < to; i++ {
		if !row(&l[i]) {
			break
		}
	}
	return nil
}

// Latest implements Rows.
func (l RowList) Latest(stream StreamID, to int64) (Row, bool, error) {
	if i := l.at(stream, to); i > 0 && l[i-1].Stream == stream {
		return l[i-1], true, nil
	}
	return Row{}, false, nil
}

// Fold implements Rows, without tiles.
func (l RowList) Fold(stream StreamID, from, to int64, _ func(*Tile) error, row func(*Row) error) error {
	var failed error
	err := l.Scan(stream, from, to, func(r *Row) bool {
		failed = row(r)
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	return err
}
