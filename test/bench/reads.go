package main

import (
	"fmt"
	"time"

	"github.com/selfsame-id/selfsame/test/instance"
	"github.com/selfsame-id/selfsame/test/population"
)

const (
	readsTitle = "Profile API"
	rowIdle    = "traits, idle"
	rowBeside  = "a mix, events at half speed"
	rowPaced   = "2,000 of the mix a second, events at half speed"
)

// halfSpeed is half of the events a second that the server took, or that it can be
// expected to take.
func (b *bench) halfSpeed() float64 {
	switch {
	case b.half > 0:
		return b.half
	case b.speed[b.who.name] > 0:
		return b.speed[b.who.name] / 2
	}
	return b.yard.core / 10
}

// reads measures the Profile API, with nothing else to do and while events pour in.
func (b *bench) reads() error {
	data, err := b.loaded()
	if err != nil {
		return err
	}
	p, err := b.start(data)
	if err != nil {
		return err
	}
	defer p.Kill()
	people := population.Config{Seed: b.seed, People: b.people}
	if err := b.settle(p); err != nil {
		return err
	}
	t := b.tables.at(readsTitle, fmt.Sprintf("%d connections, %s people", b.connections, whole(b.people)), "reads/s", "of H", "p50 ms", "p99 ms", "p99 of H's",
		"server µs/read", "events/s beside", "p99 ms of theirs", "peak RSS MiB", "of memory", "not 200")
	for _, x := range []struct {
		name   string
		pour   bool
		pace   float64
		lookup [][]byte
	}{
		{rowIdle, false, 0, traitsOf(people, 100_000)},
		{"a mix, idle", false, 0, lookups(people, 100_000, false)},
		{"a mix, a few people far more often, idle", false, 0, lookups(people, 100_000, true)},
		{rowBeside, true, 0, lookups(people, 100_000, false)},
		{rowPaced, true, 2000, lookups(people, 100_000, false)},
	} {
		loads := []*load{{addrs: []string{p.Addr}, connections: b.connections, requests: x.lookup, again: true, pace: x.pace, begins: []byte("{")}}
		if x.pour {
			loads = append(loads, b.pouring(p.Addr))
		}
		out, err := b.apply(p, loads...)
		if err != nil {
			b.say("%s", p.Log())
			return err
		}
		use, err := p.Usage()
		if err != nil {
			return err
		}
		read, beside, late, cpu, wrong := &out[0], missing, missing, micros(out[0].serverCPU, out[0].answered), out[0].wrong()
		if x.pour {
			poured := &out[1]
			beside, late, cpu = count(poured.rate()*halfSize), millis(poured.quantile(0.99)), missing
			wrong += poured.wrong()
			t.remarkOn(b.row(x.name)+", their requests", poured)
		}
		t.add(b.row(x.name), count(read.rate()), ratio(read.rate(), b.yard.http), millis(read.quantile(0.5)), millis(read.quantile(0.99)),
			ratio(read.quantile(0.99).Seconds(), b.yard.httpP99.Seconds()), cpu, beside, late, mebi(use.Peak), b.ofMemory(use.Peak), count(wrong))
		t.remarkOn(b.row(x.name), read)
	}
	return p.Stop()
}

// settle waits until what follows events has caught up, as it has on a server that has
// been idle for a while: until the process takes little CPU, a minute at most.
func (b *bench) settle(p *instance.Process) error {
	last, err := p.Usage()
	for range 60 {
		if err != nil {
			return err
		}
		time.Sleep(time.Second)
		now, err := p.Usage()
		if err != nil || now.CPU-last.CPU < 80*time.Millisecond {
			return err
		}
		last = now
	}
	b.say("  after a minute the server is still busy with what it was sent before")
	return nil
}

// halfSize is how many events a request has that come beside something else.
const halfSize = 100

// pouring is events of new people at half speed.
func (b *bench) pouring(addr string) *load {
	b.poured++
	half := b.halfSpeed()
	// Every connection holds one that is not due yet.
	events := int(half*(b.warm+b.measure).Seconds()*1.2) + 2*32*halfSize
	s := population.Config{Seed: b.seed, First: b.people + b.poured*1_000_000, Known: b.people}.Stream()
	return &load{addrs: []string{addr}, connections: 32, requests: batches(s, halfSize, events), events: halfSize, pace: half / halfSize, begins: accepted}
}
