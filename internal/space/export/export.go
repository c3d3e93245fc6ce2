package export

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/computed"
)

// Exporter exports what a space holds.
type Exporter struct {
	space   *space.Space
	scratch string
	sizes   sweepSizes
}

// New makes the exporter of a space. Its temporary files, which may take some hundred
// bytes for each profile, lie in the directory scratch; "": in the system's.
func New(s *space.Space, scratch string) *Exporter { return &Exporter{s, scratch, standardSizes} }

// Export is an export that was found to be possible. It holds a snapshot until it is
// closed.
type Export struct {
	request Request
	view    *space.View
	told    *computed.Told
	columns []column
	total   int64

	audience  uint32 // with Request.Audience
	ofProfile *profileFilter
	ofEvent   *eventFilter

	scratch string
	sizes   sweepSizes
	spills  []*spill // of sweeps, by the goroutine that lists pieces

	each atomic.Int64 // bytes of rows that a profile makes, of the last piece; 0: not known
}

// Status says how far an export is.
type Status struct {
	Done, Total int64 // profiles or events that were looked at, of about so many; Total may be 0
	Rows        int64
	Damaged     int64 // events that cannot be read any more, which are left out
}

// Export prepares an export of the present moment. Errors: space.ErrInvalid, which says
// what is wrong with the request; space.ErrNotFound of an audience; those of the store.
func (x *Exporter) Export(ctx context.Context, q Request) (*Export, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	v, err := x.space.View(ctx)
	if err != nil {
		return nil, err
	}
	e := &Export{request: q, view: v, scratch: x.scratch, sizes: x.sizes}
	if err := e.prepare(x.space); err != nil {
		v.Close()
		return nil, err
	}
	return e, nil
}

func (e *Export) prepare(s *space.Space) error {
	var err error
	if e.told, err = computed.ToldIn(s, e.view); err != nil {
		return err
	}
	q := &e.request
	if q.Audience != "" {
		if e.audience, err = e.told.Audience(q.Collection, q.Audience); err != nil {
			return err
		}
	}
	switch {
	case q.Where == "":
	case q.Kind == Events:
		e.ofEvent, err = newEventFilter(q.Where)
	default:
		e.ofProfile, err = newProfileFilter(q.Where, q.Collection, e.told.Keys(q.Collection, true))
	}
	if err != nil {
		return err
	}
	counters, err := e.view.Counters()
	if err != nil {
		return err
	}
	switch {
	case q.Kind == Events:
		e.total = counters.Events
	case q.Audience != "":
		e.total = e.told.Size(e.audience)
	default:
		e.total = counters.Profiles
	}
	e.columns = e.columnsOf()
	return nil
}

// AsOf is the moment that the export shows, in nanoseconds since 1970, and ToldAsOf that
// of its computed traits and audiences; 0 if there are none.
func (e *Export) AsOf() int64 { return e.view.Now().UnixNano() }

// ToldAsOf is the time up to which computed traits and audiences count what was stored, in
// nanoseconds since 1970; 0 if nothing was evaluated.
func (e *Export) ToldAsOf() int64 { return e.told.AsOf() }

// Close gives the snapshot back.
func (e *Export) Close() { e.view.Close() }

// Write writes the export to w. progress is called after each piece by one goroutine; nil:
// nobody is told. Errors: those of w, of the store and of ctx; then what was written is not
// all.
func (e *Export) Write(ctx context.Context, w io.Writer, progress func(Status)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := newSink(e.request.Format, e.columns, w)
	if err := s.begin(); err != nil {
		return err
	}
	status := Status{Total: e.total}
	pieces := e.read(ctx, s)
	defer func() { // what reads must have ended before the snapshot is given back
		cancel()
		for range pieces {
		}
	}()
	for queued := range pieces {
		p := <-queued
		if p.err != nil {
			return p.err
		}
		if p.count > 0 {
			if err := s.write(p.rows, p.encoded); err != nil {
				return fmt.Errorf("the export cannot be written: %w", err)
			}
		}
		status.Done += p.looked
		status.Rows += p.count
		status.Damaged += p.damaged
		if progress != nil {
			progress(status)
		}
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	return s.end()
}
