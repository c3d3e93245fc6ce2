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

// Somebody enters, and the answer is lost; he leaves, and enters again. The destination is
// told of one entry, with one ID.
func TestAnEntryWhoseAnswerWasLostKeepsItsID(t *testing.T) {
	w, r := newWorld(someKeys...), &receiver{}
	b := newBench(t, w, r)
	w.create(user(1))
	b.apply(t, tellAll)
	b.follow(t, 10)
	r.answer = func(*Message) Outcome { return Outcome{Result: Retry, Reason: "no answer in time", Trouble: true} }
	r.taken = func(*Message) bool { return true }
	w.set(user(1), "vip", 1)
	b.follow(t, 10)
	b.send(t)
	w.set(user(1), "vip", 0)
	b.follow(t, 10)
	b.clock.add(time.Minute)
	b.pick(t) // and the process ends
	b.open(t)
	w.set(user(1), "vip", 1)
	b.follow(t, 10)
	r.answer = nil
	b.drain(t)
	got := r.messages()
	if len(got) != 2 || got[0].ID != got[1].ID {
		t.Errorf("told were %+v", got)
	}
	expect(t, got, "audience_entered u1 vip", "audience_entered u1 vip")
}

// What a destination answered that it does not take has not been told: what is newer goes
// in its place, under another ID, and nothing goes if nothing is new.
func TestWhatWasNotTakenIsReplaced(t *testing.T) {
	w, r := newWorld(someKeys...), &receiver{}
	b := newBench(t, w, r)
	w.create(user(1))
	b.apply(t, tellAll)
	b.follow(t, 10)
	var tried []string
	r.answer = func(m *Message) Outcome {
		tried = append(tried, m.ID)
		return Outcome{Result: Retry, Reason: "it answered 503", Trouble: true, NotTaken: true}
	}
	w.set(user(1), "orders", 1)
	w.set(user(1), "vip", 1)
	b.follow(t, 10)
	b.send(t)
	w.set(user(1), "orders", 2)
	w.set(user(1), "vip", 0)
	b.follow(t, 10)
	r.answer = nil
	b.drain(t)
	got := r.messages()
	expect(t, got, "trait_set u1 orders 2")
	if len(tried) == 0 || len(got) == 1 && got[0].ID == tried[0] {
		t.Errorf("tried was %q, told %+v", tried, got)
	}
}
