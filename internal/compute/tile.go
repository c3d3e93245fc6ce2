package compute

import (
	"github.com/selfsame-id/selfsame/internal/compute/values"

	"slices"

	"github.com/cockroachdb/apd/v3"

	"github.com/selfsame-id/selfsame/internal/event"
)

// mostTileTexts is how many different texts a tile holds.
const mostTileTexts = 10_000

// Tile is the fold of the rows of one stream of one strand, of one day of UTC.
type Tile struct {
	take take
	// rows is how many rows it stands for, values how many values these have.
	rows, values int64
	first, last  event.Moment // of its rows; none if there are no rows

	sum, least, most      apd.Decimal          // of numbers
	texts                 map[string]*tileText // of texts
	firstValue, lastValue []byte               // of values taken as they are: the first of the first row, the last of the last
}

// tileText is how often a text is there, and when last.
type tileText struct {
	count int64
	last  event.Moment
}

// NewTile makes an empty tile for a stream; nil if there is no such stream.
func (s *Set) NewTile(id StreamID) *Tile {
	one := s.byID[id]
	if one == nil {
		return nil
	}
	return &Tile{take: one.take}
}

// Rows is how many rows the tile stands for.
func (t *Tile) Rows() int64 { return t.rows }

// Add adds a row, in any order. ok is false if the tile cannot hold it: the day has no
// tile then, and t is of no more use. An error is ErrCorrupt.
func (t *Tile) Add(r *Row) (ok bool, err error) {
	first, last := t.rows == 0 || r.At.Before(t.first), t.rows == 0 || t.last.Before(r.At)
	if t.rows++; first {
		t.first = r.At
	}
	if last {
		t.last = r.At
	}
	if t.take == takeNothing {
		return true, nil
	}
	fresh := true // the first value of this row
	err = eachValue(r.Value, func(v []byte) error {
		t.values++
		switch t.take {
		case takeNumber:
			var n apd.Decimal
			if err := values.ReadNumber(v, &n); err != nil {
				return err
			}
			t.number(&n)
		case takeText:
			if t.texts == nil {
				t.texts = map[string]*tileText{}
			}
			e := t.texts[string(v)]
			if e == nil {
				e = &tileText{}
				t.texts[string(v)] = e
			}
			if e.count++; e.last.Before(r.At) {
				e.last = r.At
			}
		case takeJSON:
			if first && fresh {
				t.firstValue = slices.Clone(v)
			}
			if last {
				t.lastValue = slices.Clone(v)
			}
		}
		fresh = false
		return nil
	})
	return len(t.texts) <= mostTileTexts, err
}

func (t *Tile) number(n *apd.Decimal) {
	_, _ = values.Exact.Add(&t.sum, &t.sum, n)
	if t.values == 1 || n.Cmp(&t.least) < 0 {
		t.least.Set(n)
	}
	if t.values == 1 || n.Cmp(&t.most) > 0 {
		t.most.Set(n)
	}
}

// tileVersion is the first byte of an encoded tile.
const tileVersion = 1

// Append appends the binary form, versioned, to b.
func (t *Tile) Append(b []byte) []byte {
	b = append(b, tileVersion, byte(t.take))
	b = appendInt(appendInt(b, t.rows), t.values)
	b = appendMoment(appendMoment(b, t.first), t.last)
	switch t.take {
	case takeNumber:
		b = appendNumber(appendNumber(appendNumber(b, &t.sum), &t.least), &t.most)
	case takeText:
		b = appendInt(b, int64(len(t.texts)))
		for text, e := range t.texts {
			b = appendMoment(appendInt(appendValue(b, text), e.count), e.last)
		}
	case takeJSON:
		b = appendValue(appendValue(b, t.firstValue), t.lastValue)
	}
	return b
}

// DecodeTile reads what Append wrote. The tile may share memory with b.
func DecodeTile(b []byte) (*Tile, error) {
	d := decoder{b: b}
	head := d.take(2)
	if head == nil || head[0] != tileVersion || head[1] > byte(takeJSON) {
		return nil, values.ErrCorrupt
	}
	t := &Tile{take: take(head[1]), rows: d.int(), values: d.int(), first: d.moment(), last: d.moment()}
	switch t.take {
	case takeNumber:
		d.number(&t.sum)
		d.number(&t.least)
		d.number(&t.most)
	case takeText:
		n := d.count()
		t.texts = make(map[string]*tileText, min(n, mostTileTexts))
		for range n {
			text := string(d.value())
			t.texts[text] = &tileText{d.int(), d.moment()}
		}
	case takeJSON:
		t.firstValue, t.lastValue = d.value(), d.value()
	}
	return t, d.err()
}
