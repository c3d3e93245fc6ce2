package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/test/instance"
	"github.com/selfsame-id/selfsame/test/population"
)

// mixes say how events reach several nodes.
var mixes = []struct {
	key, name string
	nodes     int
	loads     func(b *bench, people population.Config, addrs []string) []*load
}{
	{"one", "1", 1, (*bench).apart},
	{"two", "2, clients keep to their node", 2, (*bench).apart},
	{"apart", "4, clients keep to their node", 4, (*bench).apart},
	{"turns", "4, clients turn to the next", 4, (*bench).turns},
	{"crowd", "4, everybody at all of them at once", 4, (*bench).crowd},
}

const (
	sharedSize    = 100 // events a request
	sharedClients = 32
)

// shared measures nodes on the database of -store, 100 events a request.
func (b *bench) shared() error {
	url, err := b.database()
	if err != nil {
		return err
	}
	defer b.stopPostgres()
	for i, m := range mixes {
		if b.mixes != "" && !slices.Contains(strings.Split(b.mixes, ","), m.key) {
			continue
		}
		people := population.Config{Seed: b.seed, First: (i + 1) * 100_000_000, Kiosks: b.kiosks, Late: 0.01}
		if err := b.nodes(url, b.row(m.name), m.nodes, func(addrs []string) []*load { return m.loads(b, people, addrs) }); err != nil {
			return fmt.Errorf("nodes %s: %w", m.name, err)
		}
	}
	return nil
}

// crowd is one stream of events, in which those of a person's visit are close
// neighbours, cut into requests that go to all nodes at the same time: days of a
// shop within seconds, and the worst that can be.
func (b *bench) crowd(people population.Config, addrs []string) []*load {
	requests := batches(people.Stream(), sharedSize, int(b.most*(b.warm+b.measure).Seconds()))
	loads := make([]*load, len(addrs))
	for i, addr := range addrs {
		loads[i] = &load{addrs: []string{addr}, connections: max(sharedClients/len(addrs), 1), events: sharedSize, begins: accepted}
		for j := i; j < len(requests); j += len(addrs) {
			loads[i].requests = append(loads[i].requests, requests[j])
		}
	}
	return loads
}

// turns is many clients with people of their own, who share kiosks and those who
// come back from long ago. A client waits for an answer before it sends the next
// request, to the next node: a load balancer that knows nothing.
func (b *bench) turns(people population.Config, addrs []string) []*load {
	loads := make([]*load, sharedClients)
	for i := range loads {
		turned := append(slices.Clone(addrs[i%len(addrs):]), addrs[:i%len(addrs)]...)
		loads[i] = &load{addrs: turned, connections: 1, requests: b.own(people, i, sharedClients), events: sharedSize, begins: accepted}
	}
	return loads
}

// apart is the same clients, each of whom always talks to the same node.
func (b *bench) apart(people population.Config, addrs []string) []*load {
	loads := make([]*load, sharedClients)
	for i := range loads {
		loads[i] = &load{addrs: addrs[i%len(addrs):][:1], connections: 1, requests: b.own(people, i, sharedClients), events: sharedSize, begins: accepted}
	}
	return loads
}

// own makes the requests of one client of n.
func (b *bench) own(people population.Config, i, n int) [][]byte {
	people.Known = people.First // those of long ago are everybody's
	people.First += i * 1_000_000
	return batches(people.Stream(), sharedSize, int(b.most*(b.warm+b.measure).Seconds())/n)
}

// startNodes starts nodes on the database.
func (b *bench) startNodes(url string, n int) (all []*instance.Process, addrs []string, err error) {
	for range n {
		p, err := instance.Start(instance.Options{Binary: b.who.binary, Config: b.config(), Store: url})
		if p != nil {
			all = append(all, p)
		}
		if err != nil {
			b.say("%s", p.Log())
			return all, nil, err
		}
		addrs = append(addrs, p.Addr)
	}
	return all, addrs, nil
}

func kill(all []*instance.Process) {
	for _, p := range all {
		p.Kill()
	}
}

func (b *bench) nodes(url, name string, n int, share func(addrs []string) []*load) error {
	all, addrs, err := b.startNodes(url, n)
	defer func() { kill(all) }()
	if err != nil {
		return err
	}
	loads := share(addrs)
	before, err := counters(url)
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
	after, err := counters(url)
	if err != nil {
		return err
	}
	used, err := usages(all)
	if err != nil {
		return err
	}
	sum, events := outcome{others: map[string]int{}}, 0
	var commits, conflicts, again, trips, bytes float64
	for i := range out {
		o := &out[i]
		events += o.delivered * sharedSize
		sum.answered += o.answered
		sum.wall = max(sum.wall, o.wall)
		sum.took = append(sum.took, o.took...)
		for why, k := range o.others {
			sum.others[why] += k
		}
	}
	for _, p := range all {
		c, err := metric(p, "selfsame_space_commits_total")
		if err != nil {
			return err
		}
		commits += c
		if c, err = metric(p, "selfsame_space_conflicts_total"); err != nil {
			return err
		}
		conflicts += c
		if c, err = metric(p, "selfsame_space_events_again_total"); err != nil {
			return err
		}
		again += c
		if c, err = metric(p, "selfsame_store_round_trips_total"); err != nil {
			return err
		}
		trips += c
		if c, err = metric(p, "selfsame_store_bytes_total"); err != nil {
			return err
		}
		bytes += c
		if err := p.Stop(); err != nil {
			return err
		}
	}
	sum.sort()
	per := func(x float64) figure { return figure{over(x, float64(events)), decimals(3)} }
	hundredth := func(x, of float64) figure { return figure{100 * over(x, of), decimals(2)} }
	t := b.tables.at("Several nodes on one PostgreSQL, 100 a request, 32 connections", "nodes", "events/s", "of C", "p50 ms", "p99 ms",
		"nodes µs/event", "database µs/event", "commits", "events/commit", "conflicts/commit %", "events again %", "round trips/event", "transactions/event",
		"B written/event", "WAL B/event", "database B/event", "not 200")
	rate := sum.rate() * sharedSize
	t.add(name, count(rate), ratio(rate, b.yard.core), millis(sum.quantile(0.5)), millis(sum.quantile(0.99)), micros(used-cpu, events),
		micros(after.cpu-before.cpu, events), count(commits), count(over(float64(events), commits)), hundredth(conflicts, commits),
		hundredth(again, float64(events)), per(trips), per(after.transactions-before.transactions), count(over(bytes, float64(events))),
		count(over(after.wal-before.wal, float64(events))), count(over(after.size-before.size, float64(events))), count(sum.wrong()))
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

// counted is what PostgreSQL counted.
type counted struct {
	wal, transactions, size float64
	cpu                     time.Duration // of all its processes; 0: it runs on another machine
}

// counters asks PostgreSQL with its own client.
func counters(url string) (d counted, err error) {
	// The statistics of other connections come in a moment later.
	time.Sleep(1200 * time.Millisecond)
	out, err := exec.Command("psql", url, "-AtXc", `SELECT pg_current_wal_lsn() - '0/0', xact_commit + xact_rollback, pg_database_size(datname),
		(SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer') FROM pg_stat_database WHERE datname = current_database()`).Output()
	if err != nil {
		return d, fmt.Errorf("psql: %w", err)
	}
	f := strings.Split(strings.TrimSpace(string(out)), "|")
	if len(f) != 4 {
		return d, fmt.Errorf("psql says %q", out)
	}
	if pid, err := strconv.Atoi(f[3]); err == nil {
		d.cpu = instance.FamilyCPU(pid)
	}
	for i, into := range []*float64{&d.wal, &d.transactions, &d.size} {
		if *into, err = strconv.ParseFloat(f[i], 64); err != nil {
			return d, err
		}
	}
	return d, nil
}
