package main

import (
	"os"
	"runtime/debug"

	"github.com/selfsame-id/selfsame/test/instance"
	"github.com/selfsame-id/selfsame/test/population"
)

// scale measures the same load with ever more people in the space. New people
// come all the while, and one in five who come was there before, any time ago.
func (b *bench) scale() error {
	data, err := b.data()
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	t := b.tables.at("With ever more people", "people", "profiles", "loaded at events/s", "start ms", "events/s", "p99 ms", "server µs/event",
		"reads/s", "p99 ms of reads", "RSS MiB at start", "peak RSS MiB", "disk MiB", "not 200")
	have, first := 0, 0.0
	for _, people := range b.steps {
		fill := population.Config{Seed: b.seed, First: have, People: people - have, Active: 65536}
		say("  loading people up to %s", whole(people))
		loaded, took, err := b.fill(data, fill)
		if err != nil {
			return err
		}
		p, err := b.start(data)
		if err != nil {
			return err
		}
		err = func() error {
			defer p.Kill()
			atStart, err := p.Usage()
			if err != nil {
				return err
			}
			// The new people who come while it is measured are not those who are
			// loaded next.
			const size = 100
			own := population.Config{Seed: b.seed, First: people + 500_000_000*(1+len(t.rows)), Known: people}
			out, err := b.apply(p, &load{connections: 32, requests: b.make(own.Stream(), size), events: size, begins: accepted})
			if err != nil {
				return err
			}
			read, err := b.apply(p, &load{connections: b.connections, again: true, begins: []byte("{"),
				requests: lookups(population.Config{Seed: b.seed, People: people}, 100_000, false)})
			if err != nil {
				return err
			}
			use, err := p.Usage()
			if err != nil {
				return err
			}
			profiles, err := metric(p, "selfsame_space_profiles")
			if err != nil {
				return err
			}
			disk, err := instance.DiskBytes(data)
			if err != nil {
				return err
			}
			o, r := &out[0], &read[0]
			rate := o.rate() * size
			t.row(whole(people), whole(profiles), whole(float64(loaded)/took.Seconds()), millis(p.Startup), whole(rate), millis(o.quantile(0.99)),
				micros(o.serverCPU, o.answered*size), whole(r.rate()), millis(r.quantile(0.99)), mebi(atStart.RSS), mebi(use.Peak), mebi(disk), whole(o.wrong()+r.wrong()))
			t.remarkOn(whole(people)+" people, events", o)
			t.remarkOn(whole(people)+" people, reads", r)
			if first == 0 {
				first = rate
			} else {
				t.remark("From %s to %s people throughput falls by %.0f %%.", whole(b.steps[0]), whole(people), 100*(1-rate/first))
			}
			return p.Stop()
		}()
		if err != nil {
			say("%s", p.Log())
			return err
		}
		have = people
		debug.FreeOSMemory()
	}
	return nil
}
