package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/space"
)

// Target takes what is imported.
type Target interface {
	// Mark reads the value that the last delivery with a mark of that name left,
	// nil if there was none.
	Mark(ctx context.Context, name string) ([]byte, error)
	// Ingest commits a delivery together with its mark. It keeps nothing of the
	// delivery after it has returned nil.
	Ingest(ctx context.Context, d space.Delivery) (space.Receipt, error)
}

// ErrNoEvents: a file does not seem to hold events at all.
var ErrNoEvents = errors.New("no line of the beginning is an event")

// fewest is how many lines have to be wrong, and none right, at the beginning
// of a file before it is taken for something else.
const fewest = 100

// messageBytes is the size that a message of an archive may have: more than
// clients are told, for servers differ.
const messageBytes = 128 << 10

// ErrUnclear: what a file says can be read in two ways, and somebody has to say
// in which.
var ErrUnclear = errors.New("this can be read in two ways")

// Options are how to import.
type Options struct {
	Source  string
	Dedupe  space.Dedupe     // with what events are compared; see batchDedupe
	Workers int              // that parse; 0: one for each processor
	Now     func() time.Time // nil: time.Now
	Limits  event.Limits     // of messages; zero: 128 KiB and the defaults
	block   int              // bytes of a block; 0: blockBytes
}

// Import is one run over a list of inputs.
type Import struct {
	target  Target
	opt     Options
	summary Summary
	mu      sync.Mutex
	current atomic.Pointer[Input]
}

// New prepares an import into target.
func New(target Target, opt Options) *Import {
	if opt.Workers <= 0 {
		opt.Workers = runtime.GOMAXPROCS(0)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Limits.MessageBytes == 0 {
		opt.Limits.MessageBytes = messageBytes
	}
	if opt.block == 0 {
		opt.block = blockBytes
	}
	return &Import{target: target, opt: opt, summary: Summary{Refusals: map[string]Refused{}}}
}

// Run imports the inputs, one after the other. When ctx ends it finishes the
// batch that is being committed and returns the context's error; another run
// goes on from there.
func (im *Import) Run(ctx context.Context, inputs []*Input) error {
	for _, in := range inputs {
		im.current.Store(in)
		if err := im.file(ctx, in); err != nil {
			return err
		}
	}
	return nil
}

// Current is the input that is being read, for progress; nil before the first.
func (im *Import) Current() *Input { return im.current.Load() }

// Summary is what was done so far.
func (im *Import) Summary() Summary {
	im.mu.Lock()
	defer im.mu.Unlock()
	return im.summary.clone()
}

func (im *Import) note(fn func(s *Summary)) {
	im.mu.Lock()
	defer im.mu.Unlock()
	fn(&im.summary)
}

// parsed is a block whose batches are on their way from a worker to the
// deliverer.
type parsed struct {
	block block
	batch chan *Batch
}

func (im *Import) file(ctx context.Context, in *Input) error {
	if err := in.look(ctx); err != nil {
		return err
	}
	name := markName(im.opt.Source, in.found.fingerprint, in.how)
	value, err := im.target.Mark(ctx, name)
	if err != nil {
		return fmt.Errorf("%s: cannot find out what was imported before: %w", in.Name, err)
	}
	m, err := readMark(value)
	if err != nil {
		return fmt.Errorf("%s: %w", in.Name, err)
	}
	if m.Done && in.path != "" {
		im.note(func(s *Summary) {
			s.Files++
			s.Finished = append(s.Finished, Earlier{in.Name, string(in.lines), m.Line, m.Events, m.Rejected})
		})
		in.read.Store(in.Size)
		return nil
	}
	r, err := in.open(m.Position, im.opt.block)
	if errors.Is(err, io.ErrUnexpectedEOF) && in.path == "" {
		// A stream with a known beginning that ends before it ended last time.
		err = fmt.Errorf("%s begins like a stream of which %d lines were imported before, and is shorter: %w", in.Name, m.Line, err)
	}
	if err != nil {
		return err
	}
	defer r.Close()
	if encoding := in.Encoding(); encoding != "" {
		im.note(func(s *Summary) { s.Encodings = append(s.Encodings, Encoded{in.Name, encoding}) })
	}
	before := m
	err = im.pipeline(ctx, in, r, &m, name)
	im.note(func(s *Summary) {
		earlier := Earlier{in.Name, string(in.lines), before.Line, before.Events, before.Rejected}
		if err == nil && m.Events+m.Rejected == 0 {
			s.Empty = append(s.Empty, Vacant{in.Name, r.table != nil})
		}
		switch {
		case before.Done && before.Position == m.Position: // a stream that has not grown
			s.Finished = append(s.Finished, earlier)
		case before.Line > 0:
			s.Resumed = append(s.Resumed, earlier)
		}
		if err == nil {
			s.Files++
		}
	})
	return err
}

// pipeline reads, parses and delivers side by side: one goroutine cuts blocks,
// workers parse them, and the caller's delivers them in order.
func (im *Import) pipeline(ctx context.Context, in *Input, r *rows, m *mark, name string) error {
	p := &parser{input: in, source: im.opt.Source, table: r.table, dates: in.how.Dates, env: event.Envelope{
		ReceivedAt: im.opt.Now().UnixNano(), OwnReceipt: true, Limits: im.opt.Limits,
	}, spare: make(chan []event.Message, cap(r.spare))}
	work := make(chan parsed)
	ordered := make(chan parsed, im.opt.Workers+1) // bounds what is in memory
	stop := make(chan struct{})
	var broken error // of the reader; read after ordered is closed
	var crew sync.WaitGroup
	crew.Go(func() {
		defer close(work)
		defer close(ordered)
		for {
			b, err := r.next()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					broken = err
				}
				return
			}
			one := parsed{b, make(chan *Batch)}
			select {
			case ordered <- one:
			case <-stop:
				return
			}
			select {
			case work <- one:
			case <-stop:
				return
			}
		}
	})
	for range im.opt.Workers {
		crew.Go(func() {
			for one := range work {
				p.parse(one.block, func(b *Batch) bool {
					select {
					case one.batch <- b:
						return true
					case <-stop:
						return false
					}
				})
				close(one.batch)
			}
		})
	}
	// The target keeps nothing of what it has taken, so its memory serves again.
	err := im.deliver(ctx, in, ordered, m, name,
		func(b *Batch) { offer(p.spare, b.Messages) },
		func(b block) { offer(r.spare, b.buf) })
	close(stop)
	crew.Wait()
	if err == nil && broken != nil {
		err = fmt.Errorf("%s is damaged after %s %d: %w", in.Name, in.lines, m.Line, broken)
	}
	if err == nil && !m.Done && m.Events+m.Rejected > 0 { // of an empty file there is nothing to know again
		err = im.commit(ctx, in, &Batch{End: m.Position}, m, name, true)
	}
	return err
}

// offer gives memory back, if there is room for it.
func offer[T any](to chan []T, used []T) {
	if cap(used) == 0 {
		return
	}
	select {
	case to <- used:
	default:
	}
}

// deliver commits the batches in order.
func (im *Import) deliver(ctx context.Context, in *Input, ordered <-chan parsed, m *mark, name string, doneBatch func(*Batch), doneBlock func(block)) error {
	for one := range ordered {
		for {
			var b *Batch
			var more bool
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case b, more = <-one.batch:
			}
			if !more {
				break
			}
			if m.Events+m.Rejected == 0 && b.unclear != "" {
				return fmt.Errorf("%w; nothing of %s was imported: %s", ErrUnclear, in.Name, b.unclear)
			}
			if len(b.Messages) == 0 && len(b.Rejects) >= fewest && m.Events == 0 {
				return fmt.Errorf("%s: %w; nothing of it was imported (%s)", in.Name, ErrNoEvents, b.Rejects[0].Message)
			}
			if err := im.commit(ctx, in, b, m, name, false); err != nil {
				return err
			}
			doneBatch(b)
		}
		doneBlock(one.block)
	}
	return nil
}

// batchDedupe says with what the events of a batch are compared. An event that
// came without an ID, and was given one that its file tells, may be older than
// its time says, which is often that of the import: it is compared with all.
func (im *Import) batchDedupe(b *Batch) space.Dedupe {
	if im.opt.Dedupe == space.DedupeOld && b.given > 0 {
		return space.DedupeAll
	}
	return im.opt.Dedupe
}

// commit hands one batch over. A target that is overloaded is asked again; a
// commit that has begun is not broken off.
func (im *Import) commit(ctx context.Context, in *Input, b *Batch, m *mark, name string, last bool) error {
	next := *m
	next.Position, next.Done = b.End, last
	next.Rejected += int64(len(b.Rejects))
	// The mark is written with the batch and cannot know its receipt, so it
	// counts what was read; repeats are only known afterwards.
	next.Events += int64(len(b.Messages))
	d := space.Delivery{Source: im.opt.Source, Messages: b.Messages, Rejects: b.Rejects, Mark: next.encode(name), Dedupe: im.batchDedupe(b)}
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		receipt, err := im.target.Ingest(context.WithoutCancel(ctx), d)
		if err == nil {
			*m = next
			im.note(func(s *Summary) { s.add(b, receipt) })
			return nil
		}
		if !errors.Is(err, space.ErrOverloaded) && !errors.Is(err, space.ErrBusy) {
			return fmt.Errorf("%s: %s %d and after it: %w", in.Name, in.lines, m.Line+1, err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}
