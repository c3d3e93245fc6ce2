package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/test/instance"
)

var accepted = []byte(`{"success":true}`)

// definitions are 20 computed traits and 10 audiences over these events.
//
//go:embed definitions.yaml
var definitions string

const (
	row100     = "100 a request, 32 connections"
	row20      = "20 a request, 32 connections"
	rowOne     = "one by one, 32 connections"
	rowOneMany = "one by one, 256 connections"

	ingestTitle  = "Events over HTTP"
	serialTitle  = "What only the writer can do, and what more cores would give on paper"
	definedTitle = "Events over HTTP, with 20 computed traits and 10 audiences"
)

func (b *bench) ingest100() error { return b.ingest(ingestTitle, row100, 100, 32) }
func (b *bench) ingest20() error  { return b.ingest(ingestTitle, row20, 20, 32) }
func (b *bench) single32() error  { return b.ingest(ingestTitle, rowOne, 1, 32) }
func (b *bench) single256() error { return b.ingest(ingestTitle, rowOneMany, 1, 256) }

func (b *bench) defined() error {
	for _, x := range []struct {
		name              string
		size, connections int
	}{{row100, 100, 32}, {row20, 20, 32}, {rowOne, 1, 32}, {rowOneMany, 1, 256}} {
		if err := b.ingest(definedTitle, x.name, x.size, x.connections); err != nil {
			return err
		}
	}
	return nil
}

// start starts a server with the configuration of all measurements.
func (b *bench) start(data string) (*instance.Process, error) {
	p, err := instance.Start(instance.Options{Binary: b.who.binary, Config: b.config(), Data: data})
	if err != nil && p != nil {
		b.say("%s", p.Log())
	}
	return p, err
}

// manage makes a request of the management API.
func manage(p *instance.Process, method, path, contentType, body string) ([]byte, error) {
	req, err := http.NewRequest(method, p.URL(path), strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+admin)
	req.Header.Set("Content-Type", contentType)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %.600s", method, path, res.Status, answer)
	}
	return answer, err
}

// define puts definitions in force and waits until they are computed.
func define(p *instance.Process, document string) error {
	if _, err := manage(p, "PUT", "/api/spaces/dev/definitions", "application/yaml", document); err != nil {
		return err
	}
	return await(p, "/api/spaces/dev/definitions", func(answer []byte) (bool, error) {
		var all struct {
			Definitions []struct{ Complete bool }
		}
		err := json.Unmarshal(answer, &all)
		complete := len(all.Definitions) > 0
		for _, d := range all.Definitions {
			complete = complete && d.Complete
		}
		return complete, err
	})
}

// await asks again and again until the answer is what is waited for.
func await(p *instance.Process, path string, is func(answer []byte) (bool, error)) error {
	for ; ; time.Sleep(20 * time.Millisecond) {
		answer, err := manage(p, "GET", path, "", "")
		if err != nil {
			return err
		}
		if done, err := is(answer); done || err != nil {
			return err
		}
	}
}

// ingest measures events that come over HTTP into an empty space.
func (b *bench) ingest(title, name string, size, connections int) error {
	data, err := b.data()
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	defer debug.FreeOSMemory()
	requests := b.ready(size)
	p, err := b.start(data)
	if err != nil {
		return err
	}
	defer p.Kill()
	if title == definedTitle {
		if err := define(p, definitions); err != nil {
			return err
		}
	}
	out, err := b.apply(p, &load{addrs: []string{p.Addr}, connections: connections, requests: requests, events: size, begins: accepted})
	if err != nil {
		b.say("%s", p.Log())
		return err
	}
	o := &out[0]
	use, err := p.Usage()
	if err != nil {
		return err
	}
	cpu := micros(o.serverCPU, o.answered*size)
	if title == ingestTitle && size > 1 { // single events wait for the disk, and the more come the more share a sync
		if err := b.serial(p, name, cpu.value); err != nil {
			return err
		}
	}
	if err := p.Stop(); err != nil {
		b.say("%s", p.Log())
		return err
	}
	disk, err := instance.DiskBytes(data)
	if err != nil {
		return err
	}
	rate, n := o.rate()*float64(size), o.answered*size
	if title == ingestTitle && name == row100 {
		b.speed[b.who.name] = rate
	}
	t := b.tables.at(title, "load", "events/s", "of C", "p50 ms", "p99 ms", "p99 of p50", "server µs/event", "of C's", "MB/s of D",
		"generator µs/event", "peak RSS MiB", "of memory", "disk B/event", "not 200")
	t.add(b.row(name), count(rate), ratio(rate, b.yard.core), millis(o.quantile(0.5)), millis(o.quantile(0.99)),
		ratio(o.quantile(0.99).Seconds(), o.quantile(0.5).Seconds()), cpu, ratio(cpu.value, b.yard.coreCPU),
		ratio(rate*b.eventBytes(), b.yard.disk), micros(o.ownCPU, n), mebi(use.Peak), b.ofMemory(use.Peak),
		count(over(float64(disk), float64(o.delivered*size))), count(o.wrong()))
	t.remarkOn(b.row(name), o)
	return nil
}

// serial measures what only the one writer of a space can do, and says what more cores
// would give by that: the writer's part of an event bounds what comes through it, and
// the CPU of an event what all cores have.
func (b *bench) serial(p *instance.Process, name string, cpu float64) error {
	var events, plan, commit float64
	for metricName, into := range map[string]*float64{"selfsame_space_events_total": &events, "selfsame_space_plan_seconds_total": &plan, "selfsame_space_commit_seconds_total": &commit} {
		var err error
		if *into, err = metric(p, metricName); err != nil {
			return err
		}
	}
	plan, commit = over(plan*1e6, events), over(commit*1e6, events)
	with := func(cores float64, serial float64) figure { return count(1e6 / max(cpu/cores, serial)) }
	b.tables.at(serialTitle, "load", "deciding µs/event", "committing µs/event", "server µs/event", "deciding of it",
		"4 cores: events/s", "8 cores", "16 cores", "16 cores, if deciding goes on during commits").
		add(b.row(name), figure{plan, decimals(1)}, figure{commit, decimals(1)}, figure{cpu, decimals(1)}, ratio(plan, cpu),
			with(4, plan+commit), with(8, plan+commit), with(16, plan+commit), with(16, plan))
	return nil
}

// eventBytes is how large an event is, on average of those that are imported.
func (b *bench) eventBytes() float64 {
	info, err := os.Stat(b.file)
	if err != nil {
		return 0
	}
	return float64(info.Size()) / float64(b.events)
}

// remarkOn says what the reader of a row must know.
func (t *table) remarkOn(name string, o *outcome) {
	if o.exhausted {
		t.remark("%s: all requests that were ready had been sent before the time was over; -most makes more.", name)
	}
	if len(o.others) > 0 {
		t.remark("%s: not as it should be: %s.", name, listed(o.others))
	}
}
