package export

import (
	"context"
	"runtime"
	"sync"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// piece is a part of an export, ready to be written.
type piece struct {
	rows    []row  // nil once they are encoded
	encoded []byte // what is written, of formats that are encoded by the piece
	count   int64  // of rows
	looked  int64  // profiles or events, also those that were filtered out
	damaged int64
	err     error
}

const (
	// Profiles are read as many at once as make about pieceBytes of rows: the more, the
	// more of them come out of each block of the store.
	leastTogether = 128
	mostTogether  = 4 << 10
	pieceBytes    = 4 << 20
	// blocksTogether is how many blocks of the journal are.
	blocksTogether = 8
	// mostReaders bounds the goroutines that read. A few pieces for each wait to be
	// written.
	mostReaders = 8
)

// bytes is about how much memory the piece takes.
func (p *piece) bytes() int64 {
	n := len(p.encoded)
	for i := range p.rows {
		n += len(p.rows[i].line)
		for k := range p.rows[i].cells {
			n += len(p.rows[i].cells[k].text)
		}
	}
	return int64(n)
}

// work reads one piece.
type work func(ctx context.Context) piece

// read reads all pieces, several at once, and hands them out in order. It ends when ctx
// does, or behind a piece with an error.
func (e *Export) read(ctx context.Context, s sink) <-chan chan piece {
	readers := min(max(runtime.GOMAXPROCS(0), 2), mostReaders)
	pieces := make(chan chan piece, readers)
	type job struct {
		work work
		out  chan piece
	}
	jobs := make(chan job)
	var group sync.WaitGroup
	for range readers {
		group.Go(func() {
			for j := range jobs {
				p := j.work(ctx)
				p.count = int64(len(p.rows))
				if p.err == nil && p.count > 0 {
					p.encoded, p.err = s.encode(p.rows)
				}
				if p.encoded != nil {
					p.rows = nil // cells take more memory than text
				}
				if p.looked > 0 {
					e.each.Store(p.bytes()/p.looked + 1)
				}
				j.out <- p
			}
		})
	}
	go func() {
		defer close(pieces)
		defer e.clearSpills()
		defer group.Wait()
		defer close(jobs)
		failed := func(err error) {
			out := make(chan piece, 1)
			out <- piece{err: err}
			select {
			case pieces <- out:
			case <-ctx.Done():
			}
		}
		list := e.profilePieces
		sweeps, err := e.sweeps(ctx)
		switch {
		case err != nil:
			failed(err)
			return
		case sweeps:
			list = e.sweepPieces
		case e.request.Kind == Events:
			list = e.eventPieces
		}
		err = list(ctx, func(w work) bool {
			j := job{w, make(chan piece, 1)}
			select {
			case pieces <- j.out:
			case <-ctx.Done():
				return false
			}
			jobs <- j
			return true
		})
		if err != nil {
			failed(err)
		}
	}()
	return pieces
}

// scanTogether is how many keys are read at once to list what there is to read.
const scanTogether = 1024

// profilePieces lists all profiles, or those in the audience.
func (e *Export) profilePieces(ctx context.Context, add func(work) bool) error {
	from, end := codec.Profiles.All(e.view.Keys())
	parse := codec.Profiles.Parse
	if e.request.Audience != "" {
		from, end = codec.Under(codec.Members.Of(e.view.Keys(), e.audience))
		parse = func(key []byte) (codec.ProfileID, bool) {
			_, p, ok := codec.Members.Parse(key)
			return p, ok
		}
	}
	var ids []codec.ProfileID
	for together := leastTogether; ; {
		n := min(together-len(ids), scanTogether)
		page, err := e.view.Reader().Scan(ctx, from, end, n, false)
		if err != nil {
			return err
		}
		for _, entry := range page {
			id, ok := parse(entry.Key)
			if !ok {
				return kv.ErrCorrupt
			}
			ids = append(ids, id)
		}
		last := len(page) < n
		if len(ids) == together || last && len(ids) > 0 {
			these := ids
			if !add(func(ctx context.Context) piece { return e.readProfiles(ctx, these) }) {
				return nil
			}
			// At least one piece is made before the next size is chosen, a few at most.
			ids, together = nil, e.together(together)
		}
		if last {
			return nil
		}
		from = kv.After(page[len(page)-1].Key)
	}
}

// together is how many profiles are read at once after so many: twice as many, as long as
// they make small enough pieces.
func (e *Export) together(now int) int {
	if each := e.each.Load(); each > 0 {
		return int(min(max(pieceBytes/each, leastTogether), int64(2*now), mostTogether))
	}
	return now
}

// eventPieces lists the blocks of the journal, in the order of arrival.
func (e *Export) eventPieces(ctx context.Context, add func(work) bool) error {
	from, end := codec.Headers.All(e.view.Keys())
	for {
		page, err := e.view.Reader().Scan(ctx, from, end, blocksTogether, false)
		if err != nil {
			return err
		}
		blocks := make([]event.Block, 0, len(page))
		for _, entry := range page {
			id, ok := codec.Headers.Parse(entry.Key)
			if !ok {
				return kv.ErrCorrupt
			}
			blocks = append(blocks, id)
		}
		if len(blocks) > 0 && !add(func(ctx context.Context) piece { return e.readEvents(ctx, blocks) }) {
			return nil
		}
		if len(page) < blocksTogether {
			return nil
		}
		from = kv.After(page[len(page)-1].Key)
	}
}

// fresh is an empty view of the export's snapshot, for one piece.
func (e *Export) fresh(ctx context.Context) *space.View { return e.view.Fresh(ctx) }

// clearSpills removes the temporary files of an export that ended early.
func (e *Export) clearSpills() {
	for _, s := range e.spills {
		_ = s.close() // nothing of them is wanted any more
	}
	e.spills = nil
}
