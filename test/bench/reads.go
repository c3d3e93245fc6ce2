package main

import (
	"os"

	"github.com/selfsame-id/selfsame/test/population"
)

// reads measures the Profile API while events pour in.
func (b *bench) reads() error {
	data, err := b.data()
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	loaded := population.Config{Seed: b.seed, People: b.people}
	say("  loading %s people", whole(b.people))
	if _, _, err := b.fill(data, loaded); err != nil {
		return err
	}
	p, err := b.start(data)
	if err != nil {
		return err
	}
	defer p.Kill()
	pour := population.Config{Seed: b.seed, First: b.people}.Stream()
	t := b.tables.at("Profile API reads while events pour in", "keys", "reads/s", "p50 ms", "p99 ms", "events/s meanwhile",
		"p99 ms of their requests", "server CPU s", "generator CPU s", "peak RSS MiB", "not 200")
	for _, keys := range []string{"uniform", "skewed"} {
		const size = 100
		// Every connection holds one that is not due yet.
		events := int(b.half*(b.warm+b.measure).Seconds()*1.2) + 2*32*size
		out, err := b.apply(p,
			&load{connections: b.connections, requests: lookups(loaded, 100_000, keys == "skewed"), again: true, begins: []byte("{")},
			&load{connections: 32, requests: batches(pour, size, events), events: size, pace: b.half / size, begins: accepted})
		if err != nil {
			say("%s", p.Log())
			return err
		}
		read, pouring := &out[0], &out[1]
		use, err := p.Usage()
		if err != nil {
			return err
		}
		t.row(keys, whole(read.rate()), millis(read.quantile(0.5)), millis(read.quantile(0.99)), whole(pouring.rate()*size),
			millis(pouring.quantile(0.99)), seconds(read.serverCPU), seconds(read.ownCPU), mebi(use.Peak), whole(read.wrong()+pouring.wrong()))
		t.remarkOn(keys+", reads", read)
		t.remarkOn(keys+", events", pouring)
	}
	return p.Stop()
}
