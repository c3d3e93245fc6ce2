package computed

import (
	"bytes"
	"runtime"
	"slices"
	"sync"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// blockRows are the rows that new streams take from a block.
type blockRows struct {
	block   event.Block
	events  int
	ops     []kv.Op // the rows, and what has to be as it was for them to hold
	skipped []compute.Skip
	err     error
}

// add puts the rows into a batch, and counts what could not be taken.
func (f *blockRows) add(b *kv.Batch, pos *position) {
	for _, op := range f.ops {
		if op.Kind == kv.OpRequire {
			b.Require(op.Key, op.Value)
		} else {
			b.Put(op.Key, op.Value)
		}
	}
	for _, s := range f.skipped {
		addTo(pos.Skipped, s.Stream, s.Problem, 1)
	}
}

// rowsOfBlocks takes the rows out of blocks, whose headers these are, on all processors.
func (w *work) rowsOfBlocks(headers []kv.Entry, wanted map[uint32]bool, all bool) ([]blockRows, error) {
	out := make([]blockRows, len(headers))
	next := make(chan int, len(headers))
	for i := range headers {
		next <- i
	}
	close(next)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), 4) {
		wg.Go(func() {
			for i := range next {
				out[i].err = w.rowsOfBlock(&out[i], headers[i], wanted, all)
			}
		})
	}
	wg.Wait()
	for i := range out {
		if out[i].err != nil {
			return nil, out[i].err
		}
	}
	return out, nil
}

// rowsOfBlock takes the rows out of a block, which hold only if no event of it has moved to
// another strand or was erased meanwhile. Of events whose names nobody wants the bodies
// are not read, and of a block that has no others not even unpacked.
func (w *work) rowsOfBlock(out *blockRows, header kv.Entry, wanted map[uint32]bool, all bool) error {
	var ok bool
	if out.block, ok = codec.Headers.Parse(header.Key); !ok {
		return kv.ErrCorrupt
	}
	wants := func(h journal.Head) bool { return all || wanted[h.Name] }
	if heads, err := journal.DecodeHeader(header.Value); err == nil && !slices.ContainsFunc(heads, wants) {
		out.events = len(heads)
		return nil
	}
	keys := w.view.Keys()
	block, err := journal.Read(w.view.Context(), w.view.Reader(), keys, out.block)
	if err != nil {
		return err
	}
	out.events = len(block.Heads)
	streams := w.pos.Job.Streams
	var taken compute.Taken
	for o := range block.Heads {
		h := &block.Heads[o]
		if !wants(*h) {
			continue
		}
		e, m, state := block.Event(o)
		if state != journal.Whole {
			continue
		}
		taken.Reset()
		w.compiled.Set.Extract(&m, e.Source, &taken)
		for _, s := range taken.Skipped {
			if slices.Contains(streams, s.Stream) {
				out.skipped = append(out.skipped, s)
			}
		}
		at := h.Moment(out.block, o)
		for i := range taken.Rows {
			row := &taken.Rows[i]
			if !slices.Contains(streams, row.Stream) {
				continue
			}
			if strand, ok := strandOf(h, row.Account); ok {
				out.ops = append(out.ops, kv.Op{Kind: kv.OpPut, Key: codec.Rows.Key(keys, strand, uint32(row.Stream), at), Value: bytes.Clone(row.Value)})
			}
		}
	}
	if len(out.ops) == 0 {
		return nil
	}
	guard := [][]byte{codec.Headers.Key(keys, out.block), codec.Erased.Key(keys, out.block)}
	values, err := w.view.Reader().Get(w.view.Context(), guard...)
	for i := range values {
		out.ops = append(out.ops, kv.Op{Kind: kv.OpRequire, Key: guard[i], Value: values[i]})
	}
	return err
}
