package main

import (
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/selfsame-id/selfsame/test/instance"
	"github.com/selfsame-id/selfsame/test/population"
)

var accepted = []byte(`{"success":true}`)

func (b *bench) ingest100() error { return b.ingest("100 a request, 32 connections", 100, 32) }
func (b *bench) ingest20() error  { return b.ingest("20 a request, 32 connections", 20, 32) }
func (b *bench) single32() error  { return b.ingest("one by one, 32 connections", 1, 32) }
func (b *bench) single256() error { return b.ingest("one by one, 256 connections", 1, 256) }

// start starts a server with the configuration of all measurements.
func (b *bench) start(data string) (*instance.Process, error) {
	p, err := instance.Start(instance.Options{Binary: b.binary, Config: b.config(), Data: data})
	if err != nil && p != nil {
		say("%s", p.Log())
	}
	if err == nil && b.definitions != "" {
		if err = b.define(p); err != nil {
			p.Kill()
		}
	}
	return p, err
}

// define puts the definitions in force.
func (b *bench) define(p *instance.Process) error {
	f, err := os.Open(b.definitions)
	if err != nil {
		return err
	}
	defer f.Close()
	req, err := http.NewRequest("PUT", p.URL("/api/spaces/dev/definitions"), f)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+admin)
	req.Header.Set("Content-Type", "application/yaml")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("the definitions of %s are refused: %s: %s", b.definitions, res.Status, answer)
	}
	return err
}

// ingest measures events that come over HTTP into an empty space.
func (b *bench) ingest(name string, size, connections int) error {
	data, err := b.data()
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	requests := b.make(population.Config{Seed: b.seed}.Stream(), size)
	p, err := b.start(data)
	if err != nil {
		return err
	}
	defer p.Kill()
	out, err := b.apply(p, &load{connections: connections, requests: requests, events: size, begins: accepted})
	if err != nil {
		say("%s", p.Log())
		return err
	}
	o := &out[0]
	use, err := p.Usage()
	if err != nil {
		return err
	}
	if err := p.Stop(); err != nil {
		say("%s", p.Log())
		return err
	}
	disk, err := instance.DiskBytes(data)
	if err != nil {
		return err
	}
	t := b.tables.at("Events over HTTP", "load", "events/s", "p50 ms", "p99 ms", "server µs/event",
		"server CPU s", "generator CPU s", "peak RSS MiB", "disk MiB", "disk B/event", "not 200")
	events := o.answered * size
	t.row(name, whole(o.rate()*float64(size)), millis(o.quantile(0.5)), millis(o.quantile(0.99)), micros(o.serverCPU, events),
		seconds(o.serverCPU), seconds(o.ownCPU), mebi(use.Peak), mebi(disk), whole(float64(disk)/float64(max(o.delivered*size, 1))), whole(o.wrong()))
	t.remarkOn(name, o)
	return nil
}

// make makes what can be sent at most while it is measured.
func (b *bench) make(s *population.Stream, size int) [][]byte {
	events := int(b.most * (b.warm + b.measure).Seconds())
	if size == 1 {
		return singles(s, events/5)
	}
	return batches(s, size, events)
}

// remarkOn says what the reader of a row must know.
func (t *table) remarkOn(name string, o *outcome) {
	if o.exhausted {
		t.remark("%s: all requests that were ready had been sent after %.1f s; -most makes more.", name, o.wall.Seconds())
	}
	if len(o.others) > 0 {
		t.remark("%s: not as it should be: %s.", name, listed(o.others))
	}
}
