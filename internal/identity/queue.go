package identity

import "container/heap"

// queue holds the decisions of a replay that are still to be made, the earliest
// place first.
type queue []*queued

type queued struct {
	e   *entry
	pos Pos
}

type queueKey struct {
	strand Hash
	pos    Pos
}

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].pos.Before(q[j].pos) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(*queued)) }
func (q *queue) Pop() any {
	old := *q
	it := old[len(old)-1]
	*q = old[:len(old)-1]
	return it
}

func (r *replay) push(en *entry, pos Pos) {
	k := queueKey{en.s.Hash, pos}
	if r.queued[k] {
		return
	}
	r.queued[k] = true
	heap.Push(&r.queue, &queued{en, pos})
}
