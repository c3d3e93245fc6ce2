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
// true, and it was told nothing twice but where its answer was lost, with the same ID.
func TestTheLedgerEqualsTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(someKeys...)
		r := &receiver{}
		b := newBench(t, w, r)
		if rapid.Bool().Draw(t, "batches") {
			r.limits = Limits{Batch: 3, Workers: 2}
		}
		b.apply(t, tellAll)
		b.follow(t, 10)               // the baseline: nobody is there
		repeated := map[string]bool{} // messages whose answer may have been lost
		mode := "works"
		r.answer = func(*Message) Outcome {
			if mode == "works" {
				return Outcome{Result: Delivered}
			}
			return Outcome{Result: Retry, Reason: mode, Trouble: true, NotTaken: mode == "fails"}
		}
		r.taken = func(m *Message) bool {
			taken := mode == "loses its answers"
			if taken {
				repeated[m.ID] = true
			}
			return taken
		}
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
			case "crash":
				b.open(t)
			case "lose outcome":
				for _, batch := range b.pick(t) {
					b.one(t).try(t.Context(), r, batch)
					for _, e := range batch {
						repeated[e.Message.ID] = true
					}
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
		last := map[string]map[Identifier]string{} // the ID of the last message
		for _, m := range r.messages() {
			if ids[m.ID] {
				if !repeated[m.ID] {
					t.Fatalf("the message %s came twice, and its answer was not lost", m.ID)
				}
				if r.limits.Batch == 1 && last[m.Key][m.Identifier] != m.ID { // a batch comes again as a whole
					t.Fatalf("the message %s came again after a newer one", m.ID)
				}
				continue
			}
			if told[m.Key] == nil {
				told[m.Key], last[m.Key] = map[Identifier]string{}, map[Identifier]string{}
			}
			if told[m.Key][m.Identifier] == string(m.Value) {
				t.Fatalf("%s was told twice in a row that %s is %q, by messages of their own", m.Identifier.Value, m.Key, m.Value)
			}
			ids[m.ID], last[m.Key][m.Identifier] = true, m.ID
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
