package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/selfsame-id/selfsame/test/instance"
	"github.com/selfsame-id/selfsame/test/population"
)

const scaleTitle = "With ever more profiles"

// scale measures the same load with ever more profiles in the space. New people
// come all the while, and one in five who come was there before, any time ago.
func (b *bench) scale() error {
	data, err := b.data()
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	t := b.tables.at(scaleTitle, "about", "events/s", "of C", "of the first", "p50 ms", "p99 ms", "server µs/event", "of C's", "profiles", "events",
		"loaded at events/s", "start ms", "traits/s", "p99 ms of traits", "RSS MiB at start", "peak RSS MiB", "of memory", "RSS MiB at end", "of it Go's", "disk MiB", "not 200")
	s := scaling{bench: b, data: data, table: t, profilesPerPerson: 1.02}
	for _, profiles := range b.steps {
		if err := s.step(profiles); err != nil {
			return fmt.Errorf("%s profiles: %w", whole(profiles), err)
		}
		debug.FreeOSMemory()
	}
	return nil
}

type scaling struct {
	*bench
	data              string
	table             *table
	people, loaded    int   // in all, and by the last step
	events            int64 // that were sent, in all
	profiles          int   // that there are
	profilesPerPerson float64
	first             float64 // what the first step had, as a ratio of C
}

// visitors are people of whom most look around and leave, so that millions of
// profiles have a history that can be loaded within the hour: 3.4 events each.
func visitors(seed uint64, first, n int) population.Config {
	return population.Config{Seed: seed, First: first, People: n, Active: 65536, Members: 0.10, Bounces: 0.86, Guests: 0.04, Return: 0.05}
}

// step loads people until there are about that many profiles, and measures.
func (s *scaling) step(profiles int) error {
	more := max(int(float64(profiles-s.profiles)/s.profilesPerPerson), 1)
	s.say("  loading people up to %s profiles", whole(profiles))
	loaded, took, err := s.fill(s.data, visitors(s.seed, s.people, more).Stream())
	if err != nil {
		return err
	}
	s.people, s.loaded, s.events = s.people+more, more, s.events+loaded
	// The machine is another one after half an hour.
	if err := s.yardsticks(); err != nil {
		return err
	}
	p, err := s.start(s.data)
	if err != nil {
		return err
	}
	defer p.Kill()
	if err := s.measured(p, profiles, float64(loaded)/took.Seconds()); err != nil {
		s.say("%s", p.Log())
		return err
	}
	return p.Stop()
}

func (s *scaling) measured(p *instance.Process, profiles int, loading float64) error {
	atStart, err := p.Usage()
	if err != nil {
		return err
	}
	had, err := metric(p, "selfsame_space_profiles")
	if err != nil {
		return err
	}
	// Those who come while it is measured are not those who are loaded next.
	const size = 100
	own := population.Config{Seed: s.seed, First: s.people + 500_000_000*(1+len(s.table.rows)), Known: s.people}
	requests := batches(own.Stream(), size, int(s.most*(s.warm+s.measure).Seconds()))
	out, err := s.apply(p, &load{addrs: []string{p.Addr}, connections: 32, requests: requests, events: size, begins: accepted})
	if err != nil {
		return err
	}
	if err := s.settle(p); err != nil {
		return err
	}
	read, err := s.apply(p, &load{addrs: []string{p.Addr}, connections: s.connections, again: true, begins: []byte("{"),
		requests: traitsOf(visitors(s.seed, 0, s.people), 100_000)})
	if err != nil {
		return err
	}
	use, err := p.Usage()
	if err != nil {
		return err
	}
	has, err := metric(p, "selfsame_space_profiles")
	if err != nil {
		return err
	}
	heap, err := goMemory(p)
	if err != nil {
		return err
	}
	disk, err := instance.DiskBytes(s.data)
	if err != nil {
		return err
	}
	if more := had - float64(s.profiles); more > 0 {
		s.profilesPerPerson = more / float64(s.loaded)
	}
	s.profiles = int(has)
	s.events += int64(out[0].delivered * size)
	o, r := &out[0], &read[0]
	rate := o.rate() * size
	ofCore := ratio(rate, s.yard.core)
	if s.first == 0 {
		s.first = ofCore.value
	}
	cpu := micros(o.serverCPU, o.answered*size)
	name := whole(profiles)
	s.table.add(s.row(name), count(rate), ofCore, ratio(ofCore.value, s.first), millis(o.quantile(0.5)), millis(o.quantile(0.99)), cpu, ratio(cpu.value, s.yard.coreCPU),
		count(has), count(s.events), count(loading), millis(p.Startup), count(r.rate()), millis(r.quantile(0.99)), mebi(atStart.RSS), mebi(use.Peak),
		s.ofMemory(use.Peak), mebi(use.RSS), mebi(heap), mebi(disk), count(o.wrong()+r.wrong()))
	s.table.remarkOn(s.row(name)+" profiles, events", o)
	s.table.remarkOn(s.row(name)+" profiles, reads", r)
	return nil
}
