package body

import "sync/atomic"

// Budget bounds the memory that all requests being served hold together: their
// bodies, what is unpacked from them, and what is parsed out of that.
//
// Strangers, whose key is not known yet, may hold a quarter of it, so that they
// never keep out those who have a key.
type Budget struct {
	most, mostStrange int64
	held, strange     atomic.Int64
}

// strangersPart is the part of a budget that strangers may hold: one in so many.
const strangersPart = 4

// NewBudget makes a budget of that many bytes.
func NewBudget(bytes int64) *Budget {
	return &Budget{most: bytes, mostStrange: bytes / strangersPart}
}

// Held is how many bytes are in use.
func (b *Budget) Held() int64 { return b.held.Load() }

// Most is how many bytes may be in use.
func (b *Budget) Most() int64 { return b.most }

// Charge is what one request holds of a budget. One goroutine uses it at a time.
type Charge struct {
	budget *Budget
	held   int64
	known  bool
}

// Known opens the charge of a request whose credentials are known.
func (b *Budget) Known() *Charge { return &Charge{budget: b, known: true} }

// Stranger opens the charge of a request whose key is not known yet.
func (b *Budget) Stranger() *Charge { return &Charge{budget: b} }

// Admit says that the request's key is known now.
func (c *Charge) Admit() {
	if !c.known {
		c.known = true
		c.budget.strange.Add(-c.held)
	}
}

// Take charges n more bytes. It reports false, and charges nothing, when the
// budget has not that many left.
func (c *Charge) Take(n int) bool {
	b, size := c.budget, int64(n)
	if !c.known && b.strange.Add(size) > b.mostStrange {
		b.strange.Add(-size)
		return false
	}
	if b.held.Add(size) > b.most {
		b.held.Add(-size)
		if !c.known {
			b.strange.Add(-size)
		}
		return false
	}
	c.held += size
	return true
}

// Give gives n bytes back.
func (c *Charge) Give(n int) {
	c.held -= int64(n)
	c.budget.held.Add(int64(-n))
	if !c.known {
		c.budget.strange.Add(int64(-n))
	}
}

// Close gives back everything that is still charged.
func (c *Charge) Close() { c.Give(int(c.held)) }
