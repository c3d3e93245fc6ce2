package main

import (
	"errors"
	"fmt"
	"os/exec"

	"github.com/selfsame-id/selfsame/test/instance"
	"github.com/selfsame-id/selfsame/test/population"
)

const (
	sharedReadsTitle = "Profile API of two nodes on one PostgreSQL"
	rowUniform       = "keys uniform"
	rowSkewed        = "a few people far more often"
)

// database is the URL of the database, whose server is started if it is ours.
func (b *bench) database() (url string, err error) {
	if b.store != "" {
		return b.store, nil
	}
	p := b.postgres[b.who.name]
	if p == nil {
		if p, err = instance.MakePostgres(b.dir, "shared_buffers=512MB", "max_wal_size=2GB"); err != nil {
			return "", err
		}
		b.postgres[b.who.name] = p
	}
	return p.URL(), p.Start()
}

// stopPostgres stops what database started: what is measured next has the machine for
// itself.
func (b *bench) stopPostgres() {
	if p := b.postgres[b.who.name]; p != nil {
		p.Stop()
	}
}

// sharedReads measures the Profile API of two nodes on PostgreSQL, whose clients send
// events meanwhile, at a rate that leaves the machine room.
func (b *bench) sharedReads() error {
	url, err := b.database()
	if errors.Is(err, instance.ErrNoPostgres) {
		b.tables.at(sharedReadsTitle, "keys", "reads/s").remark("*** NOT MEASURED: %v ***", err)
		return nil
	}
	if err != nil {
		return err
	}
	defer b.stopPostgres()
	all, addrs, err := b.startNodes(url, 2)
	defer func() { kill(all) }()
	if err != nil {
		return err
	}
	loaded := population.Config{Seed: b.seed, People: b.sharedPeople}
	if key := "postgres/" + b.who.name; b.kept[key] == "" {
		if err := errors.Join(b.pour(all[0].Addr, loaded), b.tidy(url)); err != nil {
			return err
		}
		b.kept[key] = url
	}
	const size, readers = 100, 16
	people := population.Config{Seed: b.seed, First: b.sharedPeople, Known: b.sharedPeople}
	t := b.tables.at(sharedReadsTitle, fmt.Sprintf("%s reads/s beside %s events/s, %s people", whole(b.sharedReaders), whole(b.sharedHalf), whole(b.sharedPeople)),
		"p99 ms", "p50 ms", "p99 of H's", "reads/s", "events/s beside", "p99 ms of theirs", "peak RSS MiB of a node", "not 200")
	for _, keys := range []string{rowUniform, rowSkewed} {
		events := int(b.sharedHalf * (b.warm + b.measure).Seconds() * 1.2)
		loads := []*load{{addrs: addrs, connections: readers, requests: lookups(loaded, 50_000, keys == rowSkewed), again: true, pace: b.sharedReaders, begins: []byte("{")}}
		for c := range 8 {
			mine := people
			b.poured++
			mine.First += b.poured * 1_000_000
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
		use, err := all[0].Usage()
		if err != nil {
			return err
		}
		t.add(b.row(keys), millis(read.quantile(0.99)), millis(read.quantile(0.5)), ratio(read.quantile(0.99).Seconds(), b.yard.httpP99.Seconds()),
			count(read.rate()), count(pouring.rate()*size), millis(pouring.quantile(0.99)), mebi(use.Peak), count(read.wrong()+pouring.wrong()))
		t.remarkOn(b.row(keys)+", reads", read)
		t.remarkOn(b.row(keys)+", events", &pouring)
	}
	return nil
}

// pour sends all events of a population to a server.
func (b *bench) pour(addr string, people population.Config) error {
	l := &load{addrs: []string{addr}, connections: 8, requests: batches(people.Stream(), 100, 1<<40), events: 100, begins: accepted}
	if o := l.sendAll(); o.wrong() > 0 {
		return errors.New("loading: " + listed(o.others))
	}
	return nil
}

// tidy has the database do at once what it would do in the minutes after a
// load: what is measured is everyday life.
func (b *bench) tidy(url string) error {
	if out, err := exec.Command("psql", url, "-qXc", "VACUUM ANALYZE", "-c", "CHECKPOINT").CombinedOutput(); err != nil {
		return fmt.Errorf("psql: %w: %s", err, out)
	}
	return nil
}
