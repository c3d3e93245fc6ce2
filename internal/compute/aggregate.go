package compute

import (
	"github.com/selfsame-id/selfsame/internal/compute/values"

	"slices"

	"github.com/cockroachdb/apd/v3"

	"github.com/selfsame-id/selfsame/internal/event"
)

// aggregate folds rows in any order. An error is ErrCorrupt.
type aggregate interface {
	add(r *Row) error
	addTile(t *Tile) error
	value() values.Value // what the rows so far come to; see Set.Eval for none
	empty() bool         // no row was added
	append(b []byte) []byte
	decode(d *decoder)
	size() int // bytes in memory, roughly
}

// newAggregate makes the aggregate of a base kind.
func newAggregate(kind Kind, least int, taken take) aggregate {
	switch kind {
	case Sum, Average:
		return &total{average: kind == Average}
	case Minimum, Maximum:
		return &extreme{most: kind == Maximum}
	case First, Last:
		return &edge{last: kind == Last}
	case MostFrequent, UniqueList, UniqueCount:
		return newHistogram(kind, least)
	}
	return &counter{values: taken != takeNothing}
}

// counter counts rows, or values.
type counter struct {
	n      int64
	values bool
}

func (c *counter) add(r *Row) error {
	if !c.values {
		c.n++
		return nil
	}
	return eachValue(r.Value, func([]byte) error {
		c.n++
		return nil
	})
}

func (c *counter) addTile(t *Tile) error {
	if c.values {
		c.n += t.values
	} else {
		c.n += t.rows
	}
	return nil
}

func (c *counter) value() values.Value    { return values.WholeValue(c.n) }
func (c *counter) empty() bool            { return c.n == 0 }
func (c *counter) append(b []byte) []byte { return appendInt(b, c.n) }
func (c *counter) decode(d *decoder)      { c.n = d.int() }
func (c *counter) size() int              { return 16 }

// total is a sum or an average. It is exact until it is printed.
type total struct {
	n       int64
	sum     apd.Decimal
	average bool
}

func (s *total) add(r *Row) error {
	return eachValue(r.Value, func(v []byte) error {
		var n apd.Decimal
		if err := values.ReadNumber(v, &n); err != nil {
			return err
		}
		s.n++
		_, err := values.Exact.Add(&s.sum, &s.sum, &n)
		return err
	})
}

func (s *total) addTile(t *Tile) error {
	s.n += t.values
	_, err := values.Exact.Add(&s.sum, &s.sum, &t.sum)
	return err
}

func (s *total) value() values.Value {
	switch {
	case !s.average:
		return values.NumberValue(&s.sum)
	case s.n == 0:
		return values.Value{}
	}
	var mean apd.Decimal
	_, _ = values.Printed.Quo(&mean, &s.sum, apd.New(s.n, 0))
	return values.NumberValue(&mean)
}

func (s *total) empty() bool            { return s.n == 0 }
func (s *total) append(b []byte) []byte { return appendNumber(appendInt(b, s.n), &s.sum) }
func (s *total) decode(d *decoder) {
	s.n = d.int()
	d.number(&s.sum)
}
func (s *total) size() int { return 80 }

// extreme is the least or the greatest number.
type extreme struct {
	any, most bool
	best      apd.Decimal
}

func (x *extreme) one(n *apd.Decimal) {
	if c := n.Cmp(&x.best); !x.any || x.most && c > 0 || !x.most && c < 0 {
		x.any = true
		x.best.Set(n)
	}
}

func (x *extreme) add(r *Row) error {
	return eachValue(r.Value, func(v []byte) error {
		var n apd.Decimal
		err := values.ReadNumber(v, &n)
		if err == nil {
			x.one(&n)
		}
		return err
	})
}

func (x *extreme) addTile(t *Tile) error {
	if t.values > 0 {
		x.one(&t.least)
		x.one(&t.most)
	}
	return nil
}

func (x *extreme) value() values.Value {
	if !x.any {
		return values.Value{}
	}
	return values.ExactValue(&x.best)
}

func (x *extreme) empty() bool            { return !x.any }
func (x *extreme) append(b []byte) []byte { return appendNumber(appendBool(b, x.any), &x.best) }
func (x *extreme) decode(d *decoder) {
	x.any = d.bool()
	d.number(&x.best)
}
func (x *extreme) size() int { return 80 }

// edge is the first or the last value.
type edge struct {
	any, last bool
	at        event.Moment
	json      []byte
}

func (e *edge) take(at event.Moment, json []byte) {
	if !e.any || e.last && e.at.Before(at) || !e.last && at.Before(e.at) {
		e.any, e.at, e.json = true, at, slices.Clone(json)
	}
}

func (e *edge) add(r *Row) error {
	var first, last []byte
	err := eachValue(r.Value, func(v []byte) error {
		if first == nil {
			first = v
		}
		last = v
		return nil
	})
	if e.last {
		e.take(r.At, last)
	} else {
		e.take(r.At, first)
	}
	return err
}

func (e *edge) addTile(t *Tile) error {
	switch {
	case t.rows == 0:
	case e.last:
		e.take(t.last, t.lastValue)
	default:
		e.take(t.first, t.firstValue)
	}
	return nil
}

func (e *edge) value() values.Value {
	if !e.any {
		return values.Value{}
	}
	return values.JSON(e.json)
}

func (e *edge) empty() bool { return !e.any }
func (e *edge) append(b []byte) []byte {
	return appendValue(appendMoment(appendBool(b, e.any), e.at), e.json)
}
func (e *edge) decode(d *decoder) {
	e.any, e.at = d.bool(), d.moment()
	e.json = slices.Clone(d.value())
}
func (e *edge) size() int { return 64 + len(e.json) }
