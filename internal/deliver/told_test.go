package deliver

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// toldOf prints what ToldOf lists of a profile.
func toldOf(t *testing.T, b *bench, profile string) string {
	t.Helper()
	list, err := b.s.ToldOf(t.Context(), profile)
	if err != nil {
		t.Fatal(err)
	}
	states := map[ToldState]string{ToldNow: "told", ToldByMail: "sent", ToldWaiting: "waits", ToldNot: "refused"}
	var out []string
	for _, one := range list {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s", states[one.State], one.Identifier.Value, one.Key, one.Value, one.Reason)))
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

// What a destination was told of a person, is going to be told and was not is listed,
// also of profiles that were merged; what others were told is not.
func TestWhatWasToldOfAPerson(t *testing.T) {
	r := &receiver{}
	b := newBench(t, newWorld(someKeys...), r)
	b.apply(t, tellAll)
	one, two := b.world.create(user(1)), b.world.create(user(2))
	b.drain(t)
	b.world.set(user(1), "vip", 1)
	b.world.set(user(2), "vip", 1)
	b.drain(t)
	if got := toldOf(t, b, one); got != "told u1 vip true" {
		t.Errorf("after an entry: %s", got)
	}
	r.answer = func(*Message) Outcome { return Outcome{Result: Refused, Reason: "no such customer"} }
	b.world.set(user(2), "orders", 3)
	b.drain(t)
	r.answer = func(*Message) Outcome { return Outcome{Result: Retry, Reason: "busy"} }
	b.world.set(user(2), "vip", 0)
	b.follow(t, 100)
	b.send(t)
	if got := toldOf(t, b, two); got != "refused u2 orders 3 no such customer; waits u2 vip  busy" {
		t.Errorf("while the destination misbehaves: %s", got)
	}
	b.world.merge(one, two)
	want := "refused u2 orders 3 no such customer; told u1 vip true; waits u2 vip  busy"
	for _, p := range []string{one, two} {
		if got := toldOf(t, b, p); got != want {
			t.Errorf("after a merge: %s", got)
		}
	}
	if _, err := b.s.ToldOf(t.Context(), "use_9999"); err == nil {
		t.Error("nobody was told something")
	}
}
