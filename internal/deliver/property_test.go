package deliver

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// After anything that happens, in any order, with a destination that fails and a
// process that is killed at any moment, what the destination was told last is what is
// true, and it was told nothing twice but where its answer was lost.
func TestTheLedgerEqualsTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(someKeys...)
		r := &receiver{}
		b := newBench(t, w, r)
		if rapid.Bool().Draw(t, "batches") {
			r.limits = Limits{Batch: 3, Workers: 2}
		}
		b.apply(t, tellAll)
		b.follow(t, 10) // the baseline: nobody is there
		lost := false   // an answer was lost at any time
		mode := "works"
		r.answer = func(*Message) Outcome {
			if mode == "works" {
				return Outcome{Result: Delivered}
			}
			return Outcome{Result: Retry, Reason: mode, Trouble: true}
		}
		r.taken = func(*Message) bool { return mode == "loses its answers" }
		people := 0
		profiles := func() []string {
			var out []string
			for p := range w.groups {
				out = append(out, p)
			}
			slices.Sort(out)
			return out
		}
		pick := func(name string) string { return rapid.SampledFrom(profiles()).Draw(t, name) }
		identifier := func(of string) Identifier { return rapid.SampledFrom(w.groups[of]).Draw(t, "identifier") }
		w.create(anon(0))
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			step := rapid.SampledFrom([]string{"create", "add", "set", "set", "set", "merge", "split", "lose", "follow", "follow", "send", "send", "mode", "crash", "lose outcome", "wait"}).Draw(t, "step")
			switch step {
			case "create":
				people++
				w.create(rapid.SampledFrom([]Identifier{user(people), anon(people)}).Draw(t, "identifier"))
			case "add":
				people++
				w.add(pick("profile"), rapid.SampledFrom([]Identifier{user(people), anon(people)}).Draw(t, "identifier"))
			case "set":
				w.set(identifier(pick("profile")), rapid.SampledFrom([]string{"orders", "vip"}).Draw(t, "key"), rapid.IntRange(0, 2).Draw(t, "number"))
			case "merge":
				if p, q := pick("profile"), pick("other"); p != q {
					w.merge(p, q)
				}
			case "split":
				if p := pick("profile"); len(w.groups[p]) > 1 {
					w.split(p, rapid.IntRange(1, len(w.groups[p])-1).Draw(t, "identifiers"))
				}
			case "lose":
				if p := pick("profile"); len(w.groups[p]) > 1 {
					w.lose(p, identifier(p))
				}
			case "follow":
				b.follow(t, rapid.IntRange(1, 3).Draw(t, "times"))
			case "send":
				b.send(t)
			case "mode":
				mode = rapid.SampledFrom([]string{"works", "works", "fails", "loses its answers"}).Draw(t, "mode")
				lost = lost || mode != "works"
			case "crash":
				lost = lost || b.begun(t)
				b.open(t)
			case "lose outcome":
				for _, batch := range b.pick(t) {
					b.one(t).try(t.Context(), r, batch)
					lost = true
				}
				b.open(t)
			case "wait":
				b.clock.add(rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 3 * time.Hour}).Draw(t, "time"))
			}
			b.check(t, step)
		}
		mode = "works"
		b.drain(t)

		told := map[string]map[Identifier]string{}
		ids := map[string]bool{}
		for _, m := range r.messages() {
			if told[m.Key] == nil {
				told[m.Key] = map[Identifier]string{}
			}
			if told[m.Key][m.Identifier] == string(m.Value) && !lost {
				t.Fatalf("%s was told twice in a row that %s is %q", m.Identifier.Value, m.Key, m.Value)
			}
			if ids[m.ID] && !lost {
				t.Fatalf("the message %s came twice", m.ID)
			}
			ids[m.ID] = true
			told[m.Key][m.Identifier] = string(m.Value)
		}
		if err := disagreement(w, told); err != "" {
			t.Fatal(err)
		}
	})
}

// disagreement is where what was told last is not what is true.
func disagreement(w *world, told map[string]map[Identifier]string) string {
	owners := map[Identifier]string{}
	for p := range w.groups {
		truth := w.truth(p)
		hears := (&hearing{}).hearers(truth)
		for _, id := range truth.Identifiers {
			owners[id] = p
			for _, k := range w.keys {
				want, got := string(truth.Values[k.Name].JSON), told[k.Name][id]
				if got != want && (got != "" || slices.Contains(hears, id)) {
					return fmt.Sprintf("%s of %s was told that %s is %q, and it is %q", id.Value, p, k.Name, got, want)
				}
			}
		}
	}
	for key, ids := range told {
		for id, got := range ids {
			if got != "" && owners[id] == "" {
				return fmt.Sprintf("%s is nobody's, and was told that %s is %q", id.Value, key, got)
			}
		}
	}
	return ""
}
