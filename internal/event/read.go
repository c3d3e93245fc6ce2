package event

import (
	"errors"
	"slices"
	"unsafe"
)

// ErrNoRoom: Envelope.Room had none for the messages of a request.
var ErrNoRoom = errors.New("event: no room for the messages of the request")

// Item is one element of a batch request: a message, or a Refusal and the text
// that is refused as Message.Body.
type Item struct {
	Message Message
	Refusal *Refusal // nil when the message is good
}

// Read is Split, and Parse of every message with the batch's SentAt, in one pass
// over the body. It appends an item per element to items, in order, and returns
// the result; on an error nothing is appended. An error is a *Refusal, or
// ErrNoRoom. env.SentAt and env.Type are not looked at.
//
// An element that breaks the grammar of JSON is refused by itself: Read goes on
// with the next, and takes the complete ones of a text that ends within the batch.
// What is broken beside the batch refuses the request.
//
// With inherit set, a message is read as Inherit completes it, which is what
// AppendBody gives; what is refused, or would become too large, stays as it was sent.
func Read(body []byte, env Envelope, inherit bool, items []Item) (Batch, []Item, error) {
	lim := env.Limits.orDefault()
	env.Type, env.SentAt, env.sentOdd = 0, 0, instant{}
	r := reader{
		splitter: splitter{scanner: scanner{b: body, depth: unbounded, anyBytes: true}, most: lim.BatchMessages},
		env:      env, lim: lim, items: items, base: len(items),
	}
	r.each, r.restart = r.read, r.forget
	r.mender = mender{broken: r.refuseBroken, good: r.goodAt, work: resyncBudget * len(body)}
	b, refusal := r.split(lim)
	if r.noRoom {
		return Batch{}, items, ErrNoRoom
	}
	if refusal != nil {
		return Batch{}, items, refusal
	}
	r.env.SentAt, r.env.sentOdd = b.SentAt, b.sentOdd
	r.finish(&b, inherit && (b.Context != nil || b.Integrations != nil))
	if r.noRoom {
		return Batch{}, items, ErrNoRoom
	}
	return b, r.items, nil
}

// reader is a splitter that parses the messages on its way. Their times wait
// until the batch's sentAt is known, which SDKs write behind the messages.
type reader struct {
	splitter
	env   Envelope
	lim   Limits
	items []Item // from base on, one per element
	base  int
	marks []stamps // one per element
	// noRoom ends the reading: there is no memory for the next element.
	noRoom bool
}

// grow makes room for more elements, as Envelope.Room allows.
func (r *reader) grow() bool {
	have := len(r.items) - r.base
	more := max(have, 1, min(r.most, 1+len(r.b)/512)-have)
	more = min(more, r.most-have)
	if !r.room(more * itemBytes) {
		return false
	}
	r.items = slices.Grow(r.items, more)
	return true
}

// itemBytes is what an element takes in memory, beside its text.
const itemBytes = int(unsafe.Sizeof(Item{}) + unsafe.Sizeof(stamps{}) + unsafe.Sizeof([]byte(nil)))

func (r *reader) room(bytes int) bool {
	if r.env.Room != nil && !r.env.Room(bytes) {
		r.noRoom = true
	}
	return !r.noRoom
}

// forget drops what was read: `batch` is there again.
func (r *reader) forget() {
	r.items, r.marks = r.items[:r.base], r.marks[:0]
}

// read reads the element at i.
func (r *reader) read(i int) int {
	if len(r.items) == cap(r.items) && !r.grow() {
		return -1
	}
	r.items = append(r.items, Item{})
	item := &r.items[len(r.items)-1]
	p := parser{scanner: scanner{b: r.b, depth: r.lim.Depth}}
	end := -1
	if r.opens(i, '{') {
		end = p.top(i)
	}
	r.marks = append(r.marks, p.stamps)
	if end < 0 || end-i > r.lim.MessageBytes {
		// The element is no good. If it is JSON, that is its own affair.
		if end = r.skip(i, 2); end < 0 {
			return -1
		}
		item.Message.Body = r.b[i:end:end]
		item.refuse(r.reparse(item.Message.Body))
		return end
	}
	item.Message.Body = r.b[i:end:end]
	if refusal := p.interpret(&item.Message, r.env, r.lim); refusal != nil {
		item.refuse(refusal)
	}
	return end
}

// refuseBroken notes that an element is no JSON. The last item is its, if there
// is one.
func (r *reader) refuseBroken(from, to int, added bool) {
	if !added {
		if len(r.items) == cap(r.items) && !r.grow() {
			return // the request ends with ErrNoRoom
		}
		r.items, r.marks = append(r.items, Item{}), append(r.marks, stamps{})
	}
	raw := r.b[from:to:to]
	p := parser{scanner: scanner{b: raw, depth: unbounded, anyBytes: true}}
	refusal := p.message()
	if refusal == nil || refusal.Code != BadJSON {
		refusal = &Refusal{Code: BadJSON, Offset: len(raw), Reason: "the message is not valid JSON, or what follows it is not"}
	}
	item := &r.items[len(r.items)-1]
	*item = Item{Message: Message{Body: raw}, Refusal: refusal}
}

// goodAt reports whether a message that can be taken starts at i, and where it
// ends, or how far it was read.
func (r *reader) goodAt(i int) (end int, ok bool) {
	most := min(len(r.b), i+r.lim.MessageBytes+1)
	p := parser{scanner: scanner{b: r.b[:most], depth: r.lim.Depth}}
	if end = p.top(i); end < 0 {
		return p.fault.at, false
	}
	var m Message
	return end, end-i <= r.lim.MessageBytes && p.interpret(&m, r.env, r.lim) == nil
}

// reparse finds the reason why an element is no good, with places counted from
// its own start.
func (r *reader) reparse(raw []byte) *Refusal {
	_, err := Parse(raw, r.env)
	refusal, _ := err.(*Refusal)
	return refusal
}

// finish does what had to wait for the end of the request.
func (r *reader) finish(b *Batch, inherit bool) {
	var shared *Inherited
	if inherit {
		shared = b.inherited(r.env)
	}
	for i := range r.items[r.base:] {
		item := &r.items[r.base+i]
		switch {
		case item.Refusal != nil && item.Refusal.Code == BadJSON:
			// What stands before the fault must not become a message.
		case inherit && item.Refusal == nil && item.Message.inherit(shared, r.marks[i], r.lim):
			if refusal := r.times(r.marks[i], &item.Message, r.env); refusal != nil {
				item.refuse(refusal)
			}
		case inherit:
			// Also what was refused: the request may hold the missing ID.
			raw := item.Message.Body
			if !r.room(len(b.Context) + len(b.Integrations)) {
				return
			}
			m, err := Parse(b.Inherit(raw), r.env)
			if err != nil {
				// What it inherits must not make a good message too large.
				m, err = Parse(raw, r.env)
			}
			if err != nil {
				refusal, _ := err.(*Refusal)
				item.refuse(refusal)
				continue
			}
			item.Message, item.Refusal = m, nil
		case item.Refusal == nil:
			if refusal := r.times(r.marks[i], &item.Message, r.env); refusal != nil {
				item.refuse(refusal)
			}
		}
	}
}

// refuse makes the item a refusal of its body.
func (it *Item) refuse(r *Refusal) {
	*it = Item{Message: Message{Body: it.Message.Body}, Refusal: r}
}
