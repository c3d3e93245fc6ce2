package body

import "sync/atomic"

// Budget bounds the bytes of all bodies that are held at one time.
type Budget struct {
	most int64
	held atomic.Int64
}

// NewBudget makes a budget of that many bytes.
func NewBudget(bytes int64) *Budget { return &Budget{most: bytes} }

// Held is how many bytes are in use.
func (b *Budget) Held() int64 { return b.held.Load() }

// Most is how many bytes may be in use.
func (b *Budget) Most() int64 { return b.most }

func (b *Budget) take(n int) bool {
	if b.held.Add(int64(n)) <= b.most {
		return true
	}
	b.held.Add(int64(-n))
	return false
}

func (b *Budget) give(n int) { b.held.Add(int64(-n)) }
