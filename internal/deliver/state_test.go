package deliver

import (
	"context"
	"testing"
	"time"
)

// The state is read again, after a commit of which nobody knows whether it is there, while a
// message is under way: it is not sent a second time, nor taken for lost.
func TestWhatIsUnderWayIsSentOnce(t *testing.T) {
	for _, once := range []bool{false, true} {
		r := &receiver{limits: Limits{Batch: 1, Workers: 4, AtMostOnce: once}}
		b := newBench(t, newWorld(someKeys...), r)
		b.apply(t, tellAll)
		b.world.create(user(1))
		b.follow(t, 100)
		b.world.set(user(1), "vip", 1)
		b.follow(t, 100)
		first := b.pick(t)
		if len(first) != 1 {
			t.Fatalf("%d batches", len(first))
		}
		d := b.one(t)
		d.mu.Lock()
		d.loaded = false
		d.mu.Unlock()
		b.follow(t, 100)
		if again := b.pick(t); len(again) != 0 {
			t.Errorf("at most once %v: it is sent again while it is under way", once)
		}
		if err := d.settle(context.Background(), []tried{{first[0], []Outcome{{Result: Delivered}}}}); err != nil {
			t.Fatal(err)
		}
		if c := d.st.Counts; c.Delivered != 1 || c.Unknown != 0 || d.st.Queued != 0 {
			t.Errorf("at most once %v: %+v, %d wait", once, c, d.st.Queued)
		}
	}
}

// An identifier that is taken away, and belongs to a new profile before that is read, is
// told that what it had is so no more.
func TestAnIdentifierOfANewProfile(t *testing.T) {
	b := newBench(t, newWorld(someKeys...), &receiver{})
	b.apply(t, tellAll)
	p := b.world.create(user(1), user(2))
	b.drain(t)
	b.world.set(user(2), "vip", 1)
	b.drain(t)
	b.world.lose(p, user(1))
	b.world.create(user(1))
	b.drain(t)
	expect(t, b.receiver.messages(), "audience_entered u1 vip", "audience_entered u2 vip", "audience_exited u1 vip")
}

// What becomes so while the baseline is taken is said.
func TestAnEntryDuringTheBaseline(t *testing.T) {
	w := newWorld(someKeys...)
	b := newBench(t, w, &receiver{})
	w.now = b.clock.Now
	w.create(user(1))
	w.create(user(2))
	w.set(user(1), "vip", 1)
	b.apply(t, tellAll)
	b.follow(t, 1) // the baseline begins
	b.clock.add(time.Second)
	w.set(user(2), "vip", 1)
	b.drain(t)
	expect(t, b.receiver.messages(), "audience_entered u2 vip")
}

// What waits and is kept back by the filter in the end does not go.
func TestTheFilterHoldsForWhatWaits(t *testing.T) {
	w := newWorld(Key{Name: "orders", Class: Trait, Complete: true})
	b := newBench(t, w, &receiver{})
	b.apply(t, `
destinations:
  crm: {type: receiver, send: {traits: all, filter: value > 10.0}}
`)
	w.create(user(1))
	b.drain(t)
	w.set(user(1), "orders", 20)
	b.drain(t)
	d := b.one(t)
	d.troubled.Store(true) // what comes waits
	w.set(user(1), "orders", 30)
	b.follow(t, 100)
	w.set(user(1), "orders", 5)
	b.follow(t, 100)
	d.troubled.Store(false)
	b.drain(t)
	expect(t, b.receiver.messages(), "trait_set u1 orders 20")
}
