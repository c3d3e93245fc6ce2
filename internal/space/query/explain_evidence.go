package query

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// Evidence is what was seen of a pair of IDs.
type Evidence struct {
	Events      int64 // with both IDs
	AtLeast     bool  // there are more than were counted
	First, Last Seen
	// Sources that the events came from, in alphabetical order; MoreSources says
	// that not all events were asked.
	Sources     []string
	MoreSources bool
}

// Seen is one event as a witness.
type Seen struct {
	Time      int64 // nanoseconds since 1970
	MessageID string
	Source    string
	Type      event.Type // 0: the event was erased; then nothing but time and place is known
	Name      string     // as shown
	Damaged   bool       // it cannot be read any more; what is told of it may be less
	App       string     // the app's name, or the host of the page; "" if neither is known
}

// mostWitnesses is how many events of a step are asked for their source.
const mostWitnesses = 2000

// witness reads events that are evidence. It keeps the blocks that it read last,
// for neighbours lie together.
type witness struct {
	view   *space.View
	blocks map[event.Block]*journal.Block
}

func newWitness(v *space.View) *witness {
	return &witness{v, map[event.Block]*journal.Block{}}
}

func (w *witness) block(number event.Block) (*journal.Block, error) {
	b, ok := w.blocks[number]
	if ok {
		return b, nil
	}
	b, err := journal.Read(w.view.Context(), w.view.Reader(), w.view.Keys(), number)
	if err != nil {
		return nil, err
	}
	if len(w.blocks) >= 16 {
		clear(w.blocks)
	}
	w.blocks[number] = b
	return b, nil
}

// seen describes an event, as far as it can be read.
func (w *witness) seen(at event.Moment) (Seen, error) {
	if at.Arrival.IsZero() {
		return Seen{Time: at.Time}, nil // no event
	}
	b, err := w.block(at.Arrival.Block())
	if err != nil {
		return Seen{Time: at.Time}, err
	}
	e, m, st := b.At(at)
	if st == journal.Gone {
		return Seen{Time: at.Time}, nil
	}
	out := Seen{Time: e.Time, MessageID: e.MessageID, Source: e.Source, Type: e.Type, Name: e.Name, Damaged: e.Damaged}
	if st == journal.Whole {
		out.App = appOf(&m)
	}
	return out, nil
}

// appOf names the app that an event is from, or the host of its page.
func appOf(m *event.Message) string {
	if m.App != "" {
		return m.App
	}
	text := event.Lookup(event.Lookup(event.Lookup(m.Body, "context"), "page"), "url")
	if len(text) < 2 || text[0] != '"' || len(text) > 4096 {
		return ""
	}
	u, err := url.Parse(string(text[1 : len(text)-1]))
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// evidence looks through the events of strands. budget is how many events may
// still be counted.
func (w *witness) evidence(strands []*identity.Strand, budget *int64) (Evidence, error) {
	var out Evidence
	var refs []event.Moment
	var last event.Moment
	for _, st := range strands {
		n, ref, complete, err := w.count(st.Hash, *budget, &refs)
		if err != nil {
			return out, err
		}
		*budget -= n
		out.Events += n
		out.AtLeast = out.AtLeast || !complete
		if n > 0 && last.Before(ref) {
			last = ref
		}
	}
	if len(strands) > 0 {
		var err error
		if out.First, err = w.seen(strands[0].First.Moment); err != nil {
			return out, err
		}
	}
	if last != (event.Moment{}) {
		var err error
		if out.Last, err = w.seen(last); err != nil {
			return out, err
		}
	}
	out.MoreSources = out.Events > int64(len(refs)) || out.AtLeast
	return out, w.sources(refs, &out)
}

// count counts the events of a strand, up to most, and finds the last one. The
// first ones are added to refs, as long as there are fewer than mostWitnesses.
func (w *witness) count(strand identity.Hash, most int64, refs *[]event.Moment) (n int64, last event.Moment, complete bool, err error) {
	from := codec.Events.Of(w.view.Keys(), strand)
	end := kv.PrefixEnd(from)
	for n < most {
		size := int(min(queryPage, most-n))
		page, err := w.view.Reader().Scan(w.view.Context(), from, end, size, false)
		if err != nil {
			return 0, last, false, err
		}
		for _, e := range page {
			ref, ok := codec.EventMoment(e.Key)
			if !ok {
				return 0, last, false, fmt.Errorf("%w: the index of strand %s", kv.ErrCorrupt, strand)
			}
			last = ref
			if len(*refs) < mostWitnesses {
				*refs = append(*refs, ref)
			}
		}
		n += int64(len(page))
		if len(page) < size {
			return n, last, true, nil
		}
		from = kv.After(page[len(page)-1].Key)
	}
	page, err := w.view.Reader().Scan(w.view.Context(), from, end, 1, true)
	if err != nil || len(page) == 0 {
		return n, last, err == nil, err
	}
	if ref, ok := codec.EventMoment(page[0].Key); ok {
		last = ref
	}
	return max(n, 1), last, false, nil
}

// sources finds where events came from, by the headers of their blocks.
func (w *witness) sources(refs []event.Moment, out *Evidence) error {
	byBlock := map[event.Block][]int{}
	var blocks []event.Block
	for _, ref := range refs {
		block := ref.Arrival.Block()
		if byBlock[block] == nil {
			blocks = append(blocks, block)
		}
		byBlock[block] = append(byBlock[block], ref.Arrival.Ordinal())
	}
	for part := range slices.Chunk(blocks, 64) {
		keys := make([][]byte, len(part))
		for i, b := range part {
			keys[i] = codec.Headers.Key(w.view.Keys(), b)
		}
		values, err := w.view.Reader().Get(w.view.Context(), keys...)
		if err != nil {
			return err
		}
		for i, b := range part {
			if values[i] == nil {
				continue
			}
			heads, err := journal.DecodeHeader(values[i])
			if err != nil {
				continue // nobody knows where these came from
			}
			for _, o := range byBlock[b] {
				if o < len(heads) && heads[o].Source != "" && !slices.Contains(out.Sources, heads[o].Source) {
					out.Sources = append(out.Sources, heads[o].Source)
				}
			}
		}
	}
	slices.Sort(out.Sources)
	return nil
}
