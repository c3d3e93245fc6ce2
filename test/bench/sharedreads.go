package main

import (
	"errors"
	"fmt"
	"os/exec"

	"github.com/selfsame-id/selfsame/test/population"
)

// sharedReads measures the Profile API of two nodes on the database of -store,
// whose clients send events meanwhile, at a rate that leaves the machine room.
func (b *bench) sharedReads() error {
	if b.store == "" {
		return errors.New("-store names the PostgreSQL database; it should be empty, and be stopped and thrown away afterwards")
	}
	all, addrs, err := b.startNodes(2)
	defer func() { kill(all) }()
	if err != nil {
		return err
	}
	loaded := population.Config{Seed: b.seed, People: b.people}
	say("  loading %s people", whole(b.people))
	if err := errors.Join(b.pour(all[0].Addr, loaded), b.tidy()); err != nil {
		return err
	}
	const size, readers = 100, 16
	people := population.Config{Seed: b.seed, First: b.people, Known: b.people}
	t := b.tables.at("Profile API of two nodes on one PostgreSQL, while events pour in", "keys", "reads/s", "p50 ms", "p99 ms",
		"events/s meanwhile", "p99 ms of their requests", "not 200")
	for i, keys := range []string{"uniform", "skewed"} {
		events := int(b.sharedHalf * (b.warm + b.measure).Seconds() * 1.2)
		loads := []*load{{addrs: addrs, connections: readers, requests: lookups(loaded, 50_000, keys == "skewed"), again: true, pace: b.sharedReaders, begins: []byte("{")}}
		for c := range 8 {
			mine := people
			mine.First += (i*8 + c) * 1_000_000
			loads = append(loads, &load{addrs: addrs[c%2:][:1], connections: 1, events: size, pace: b.sharedHalf / 8 / size, begins: accepted,
				requests: batches(mine.Stream(), size, events/8+2*size)})
		}
		out, err := b.apply(all[0], loads...)
		if err != nil {
			return err
		}
		read, pouring := &out[0], outcome{others: map[string]int{}, wall: out[1].wall}
		for i := range out[1:] {
			o := &out[1+i]
			pouring.answered += o.answered
			pouring.took = append(pouring.took, o.took...)
			for why, n := range o.others {
				pouring.others[why] += n
			}
		}
		pouring.sort()
		t.row(keys, whole(read.rate()), millis(read.quantile(0.5)), millis(read.quantile(0.99)), whole(pouring.rate()*size),
			millis(pouring.quantile(0.99)), whole(read.wrong()+pouring.wrong()))
		t.remarkOn(keys+", reads", read)
		t.remarkOn(keys+", events", &pouring)
	}
	return nil
}

// pour sends all events of a population to a server.
func (b *bench) pour(addr string, people population.Config) error {
	l := &load{connections: 8, requests: batches(people.Stream(), 100, 1<<40), events: 100, begins: accepted}
	if o := l.sendAll(addr); o.wrong() > 0 {
		return errors.New("loading: " + listed(o.others))
	}
	return nil
}

// tidy has the database do at once what it would do in the minutes after a
// load: what is measured is everyday life.
func (b *bench) tidy() error {
	if out, err := exec.Command("psql", b.store, "-qXc", "VACUUM ANALYZE", "-c", "CHECKPOINT").CombinedOutput(); err != nil {
		return fmt.Errorf("psql: %w: %s", err, out)
	}
	return nil
}
