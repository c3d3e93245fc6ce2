package computed

import (
	"slices"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Rows of streams that no definition uses any more are taken out, a piece at a time while
// there is nothing else to do. Their numbers are never used again, and no event brings
// more of them, so that one pass over all rows finds them all. A crash loses a piece.

// unused are the streams whose rows are taken out, and how far that is.
type unused struct {
	Streams []compute.StreamID `json:"streams"`
	Row     []byte             `json:"row,omitempty"` // the last one that was looked at
}

// letGo notes which of the streams that may have rows are not in use any more: of all that
// ever were, those whose rows were not taken out yet.
func (w *work) letGo() {
	used := w.compiled.inUse()
	var gone []compute.StreamID
	for s := compute.StreamID(1); s <= w.compiled.Version.Streams.Last; s++ {
		if !used[s] && !slices.Contains(w.pos.Gone, s) {
			gone = append(gone, s)
		}
	}
	if u := w.pos.Unused; len(gone) > 0 && (u == nil || !slices.Equal(u.Streams, gone)) {
		w.pos.Unused = &unused{Streams: gone}
	}
}

// takeOut takes out some rows of streams that are not in use, and reports whether there
// was something to do.
func (w *work) takeOut() (bool, error) {
	u := w.pos.Unused
	if u == nil || w.space.Crowded() {
		return false, nil
	}
	from, end := codec.Rows.All(w.view.Keys())
	if u.Row != nil {
		from = kv.After(u.Row)
	}
	page, err := w.view.Reader().Scan(w.view.Context(), from, end, historyRows, false)
	if err != nil {
		return false, err
	}
	var out staged
	next := *u
	for _, e := range page {
		_, stream, _, ok := codec.Rows.Parse(e.Key)
		if !ok {
			return false, kv.ErrCorrupt
		}
		if slices.Contains(u.Streams, compute.StreamID(stream)) {
			out.delete(e.Key)
		}
		next.Row = e.Key
	}
	if w.pos.Unused = &next; len(page) < historyRows {
		w.pos.Gone, w.pos.Unused = slices.Concat(w.pos.Gone, u.Streams), nil
	}
	return true, w.commit(&out)
}
