package deliver

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/space/codec"
)

func TestTheBaselineIsSilentUnlessAskedFor(t *testing.T) {
	for initial, want := range map[string][]string{"silent": nil, "send": {"audience_entered u1 vip"}} {
		w, r := newWorld(someKeys...), &receiver{}
		b := newBench(t, w, r)
		w.create(user(1))
		w.create(user(2))
		w.set(user(1), "vip", 1)
		b.apply(t, strings.Replace(tellAll, "type: receiver", "type: receiver, initial: "+initial, 1))
		b.drain(t)
		expect(t, r.messages(), want...)
		// From then on changes are told.
		w.set(user(1), "vip", 0)
		b.drain(t)
		w.set(user(2), "vip", 1)
		b.drain(t)
		expect(t, r.messages()[len(want):], "audience_exited u1 vip", "audience_entered u2 vip")
	}
}

// A definition says nothing until it is complete. What is disabled, or computed again,
// catches up; what is deleted leaves nothing behind, and nobody is told.
func TestDefinitionsComeAndGo(t *testing.T) {
	w, r := newWorld(Key{Name: "vip", Class: Audience}, Key{Name: "orders", Class: Trait, Complete: true}), &receiver{}
	b := newBench(t, w, r)
	b.apply(t, tellAll)
	w.create(user(1))
	w.create(user(2))
	w.set(user(1), "vip", 1)
	b.drain(t)
	expect(t, r.messages())
	w.keys[0].Complete = true
	w.commit() // that it is complete
	b.drain(t)
	expect(t, r.messages()) // u1 is a member of that moment
	w.set(user(2), "vip", 1)
	b.drain(t)
	expect(t, r.messages(), "audience_entered u2 vip")
	w.keys[0].Complete = false
	w.set(user(1), "vip", 0)
	w.set(user(2), "vip", 0)
	w.set(user(2), "vip", 1)
	b.drain(t)
	expect(t, r.messages(), "audience_entered u2 vip")
	w.keys[0].Complete = true
	w.commit()
	b.drain(t)
	expect(t, r.messages(), "audience_entered u2 vip", "audience_exited u1 vip")

	w.keys = w.keys[1:]
	b.drain(t)
	expect(t, r.messages(), "audience_entered u2 vip", "audience_exited u1 vip")
	snapshot, err := b.s.store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	from, to := codec.Ledger.All(b.s.keys)
	if rows, err := snapshot.Scan(t.Context(), from, to, 10, false); err != nil || len(rows) != 0 {
		t.Errorf("the ledger has %d rows, %v", len(rows), err)
	}
}

// What was never tried is replaced by what is newer, and nothing is left where that is
// what was said before. After an outage each key is told once.
func TestAnOutageEndsWithTheNewestValues(t *testing.T) {
	w, r := newWorld(someKeys...), &receiver{}
	b := newBench(t, w, r)
	b.apply(t, tellAll)
	b.follow(t, 10)
	r.answer = func(*Message) Outcome { return Outcome{Result: Retry, Reason: "down", Trouble: true} }
	w.create(user(1))
	w.create(user(2))
	for n := 1; n <= 50; n++ {
		w.set(user(1), "orders", n)
		w.set(user(2), "vip", n%2)
		b.follow(t, 10)
		if n == 20 {
			b.send(t) // some are tried
		}
		b.clock.add(time.Minute)
	}
	b.open(t)
	r.answer = nil
	b.drain(t)
	got := lines(r.messages())
	if last := got[len(got)-1]; len(got) > 2 || last != "trait_set u1 orders 50" && got[0] != "trait_set u1 orders 50" {
		t.Errorf("%q", got)
	}
}

func TestMistakesInDefinitionsAreAllSaid(t *testing.T) {
	_, err := Parse([]byte(`
destinations:
  Bad Key: {type: receiver, send: {audiences: all}}
  a: {type: nothing, send: {audiences: all}}
  b: {type: receiver}
  c: {type: receiver, send: {audiences: all, events: 'event +'}, initial: loud, colour: red}
  d: {type: receiver, send: {audiences: [Not A Key], filter: '1 + 1'}, secret: x}
  e: {type: receiver, type: receiver, send: {merges: perhaps}}
  f: []
`), map[string]Kind{"receiver": &receiver{}}, nil)
	var mistakes Mistakes
	if !errors.As(err, &mistakes) || !errors.Is(err, ErrInvalid) {
		t.Fatal(err)
	}
	for _, want := range []string{
		"line 3: destinations.Bad Key: ", "line 4: destinations.a.type: is \"nothing\"", "line 5: destinations.b.send: selects nothing",
		"line 6: destinations.c.send.events: is no condition", "line 6: destinations.c.initial: is \"loud\"", "line 6: destinations.c.colour: is no setting",
		"line 7: destinations.d.send.audiences: has \"Not A Key\"", "line 7: destinations.d.send.filter: is no condition: the result is of type int", "line 7: destinations.d.secret: is no setting",
		"destinations.e.type: stands here twice", "line 8: destinations.e.send.merges: should be true or false", "line 9: destinations.f: should have keys",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in\n%s", want, err)
		}
	}
}

// A definition is disabled while profiles are read, which then have no value of it: nobody
// is told that he left.
func TestADefinitionThatChangesMeanwhile(t *testing.T) {
	w, r := newWorld(someKeys...), &receiver{}
	b := newBench(t, w, r)
	w.create(user(1))
	b.apply(t, tellAll)
	b.follow(t, 10)
	w.set(user(1), "vip", 1)
	b.drain(t)
	expect(t, r.messages(), "audience_entered u1 vip")
	w.reading = func() { // the audience is computed anew: it is not shown
		w.reading = nil
		w.keys = []Key{{Name: "orders", Class: Trait, Complete: true}, {Name: "vip", Class: Audience}}
	}
	w.set(user(1), "orders", 2)
	b.drain(t)
	expect(t, r.messages(), "audience_entered u1 vip", "trait_set u1 orders 2")
}
