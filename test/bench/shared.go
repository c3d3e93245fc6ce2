package main

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/test/instance"
	"github.com/selfsame-id/selfsame/test/population"
)

// shared measures nodes on the database of -store, 100 events a request: one;
// four, each with people of its own, as a load balancer that keeps clients on
// their nodes comes near to; and four where every person's events go to all of
// them at the same time, which is the worst that can be.
func (b *bench) shared() error {
	if b.store == "" {
		return errors.New("-store names the PostgreSQL database; it should be empty, and be stopped and thrown away afterwards")
	}
	for i, one := range []struct {
		name  string
		nodes int
		apart bool
	}{{"1", 1, false}, {"4, people apart", 4, true}, {"4, people spread", 4, false}} {
		if err := b.nodes(i, one.name, one.nodes, one.apart); err != nil {
			return fmt.Errorf("%s nodes: %w", one.name, err)
		}
	}
	return nil
}

func (b *bench) nodes(round int, name string, n int, apart bool) error {
	const size = 100
	people := population.Config{Seed: b.seed, First: round * 100_000_000, Kiosks: b.kiosks, Late: 0.01}
	requests := b.make(people.Stream(), size)
	var loads []*load
	var all []*instance.Process
	for i := range n {
		p, err := instance.Start(instance.Options{Binary: b.binary, Config: b.config(), Store: b.store})
		if p != nil {
			defer p.Kill()
		}
		if err != nil {
			say("%s", p.Log())
			return err
		}
		all = append(all, p)
		var own [][]byte
		if apart {
			mine := people
			mine.First += i * 10_000_000
			mine.Known = 1 // nobody of long ago comes back to another node
			own = batches(mine.Stream(), size, int(b.most*(b.warm+b.measure).Seconds())/n)
		} else {
			// Every n-th request: neighbours in time go to different nodes.
			for j := i; j < len(requests); j += n {
				own = append(own, requests[j])
			}
		}
		loads = append(loads, &load{addr: p.Addr, connections: max(32/n, 1), requests: own, events: size, begins: accepted})
	}
	before, err := b.database()
	if err != nil {
		return err
	}
	cpu, err := usages(all)
	if err != nil {
		return err
	}
	out, err := b.apply(all[0], loads...)
	if err != nil {
		return err
	}
	after, err := b.database()
	if err != nil {
		return err
	}
	used, err := usages(all)
	if err != nil {
		return err
	}
	sum, events := outcome{others: map[string]int{}}, 0
	var commits, conflicts float64
	for i, p := range all {
		o := &out[i]
		events += o.delivered * size
		sum.answered += o.answered
		sum.wall = max(sum.wall, o.wall)
		sum.took = append(sum.took, o.took...)
		for why, k := range o.others {
			sum.others[why] += k
		}
		c, err := metric(p, "selfsame_space_commits_total")
		if err != nil {
			return err
		}
		commits += c
		if c, err = metric(p, "selfsame_space_conflicts_total"); err != nil {
			return err
		}
		conflicts += c
		if err := p.Stop(); err != nil {
			return err
		}
	}
	sum.sort()
	per := func(x float64) string { return fmt.Sprintf("%.3f", x/float64(max(events, 1))) }
	t := b.tables.at("Several nodes on one PostgreSQL, 100 a request, 32 connections", "nodes", "events/s", "p50 ms", "p99 ms",
		"nodes µs/event", "commits", "events/commit", "done again %", "transactions/event", "WAL B/event", "database B/event", "not 200")
	t.row(name, whole(sum.rate()*size), millis(sum.quantile(0.5)), millis(sum.quantile(0.99)), micros(used-cpu, events),
		whole(commits), whole(float64(events)/max(commits, 1)), fmt.Sprintf("%.2f", 100*conflicts/max(commits, 1)),
		per(after.transactions-before.transactions), per(after.wal-before.wal), per(after.size-before.size), whole(sum.wrong()))
	t.remarkOn(name+" nodes", &sum)
	return nil
}

// usages adds up what nodes have used.
func usages(all []*instance.Process) (sum time.Duration, err error) {
	for _, p := range all {
		u, err := p.Usage()
		if err != nil {
			return 0, err
		}
		sum += u.CPU
	}
	return sum, nil
}

// database is what PostgreSQL counted.
type database struct {
	wal, transactions, size float64
}

// database asks PostgreSQL with its own client.
func (b *bench) database() (d database, err error) {
	// The statistics of other connections come in a moment later.
	time.Sleep(1200 * time.Millisecond)
	out, err := exec.Command("psql", b.store, "-AtXc", `SELECT pg_current_wal_lsn() - '0/0', xact_commit + xact_rollback, pg_database_size(datname)
		FROM pg_stat_database WHERE datname = current_database()`).Output()
	if err != nil {
		return d, fmt.Errorf("psql: %w", err)
	}
	f := strings.Split(strings.TrimSpace(string(out)), "|")
	if len(f) != 3 {
		return d, fmt.Errorf("psql says %q", out)
	}
	for i, into := range []*float64{&d.wal, &d.transactions, &d.size} {
		if *into, err = strconv.ParseFloat(f[i], 64); err != nil {
			return d, err
		}
	}
	return d, nil
}
