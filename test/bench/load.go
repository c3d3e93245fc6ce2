package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/selfsame-id/selfsame/test/instance"
	"github.com/selfsame-id/selfsame/test/wire"
)

// load is what some connections send.
type load struct {
	addrs       []string // of the servers, to which a connection turns one after the other
	connections int
	requests    [][]byte
	events      int     // in each request
	again       bool    // begin anew when all were sent; otherwise the measuring ends
	pace        float64 // requests a second; 0: as fast as they are answered
	begins      []byte  // what a good answer begins with
}

// outcome is what became of a load while it was measured.
type outcome struct {
	wall      time.Duration
	answered  int             // with 200, as it should be
	took      []time.Duration // of those, sorted
	others    map[string]int  // statuses and errors of the rest
	delivered int             // requests answered with 200 from the first to the last, warming included
	exhausted bool            // there were not enough requests
	serverCPU time.Duration
	ownCPU    time.Duration
}

func (o *outcome) rate() float64 { return float64(o.answered) / o.wall.Seconds() }

// quantile gives the time within which that share of requests was answered.
func (o *outcome) quantile(q float64) time.Duration {
	if len(o.took) == 0 {
		return 0
	}
	return o.took[min(int(q*float64(len(o.took))), len(o.took)-1)]
}

func (o *outcome) wrong() (n int) {
	for _, k := range o.others {
		n += k
	}
	return n
}

// Phases of a measurement.
const (
	warming int32 = iota
	measuring
	ending
)

// process is whose CPU is counted.
type process interface {
	Usage() (instance.Usage, error)
}

// apply puts loads on a server, all at the same time, and measures them.
func (b *bench) apply(p process, loads ...*load) ([]outcome, error) {
	var phase atomic.Int32
	short := make(chan struct{}, 1<<16) // a load has run out of requests
	out := make([]outcome, len(loads))
	var all sync.WaitGroup
	for i, l := range loads {
		all.Go(func() { out[i] = l.send(&phase, short) })
	}
	pause := func(d time.Duration) {
		select {
		case <-short:
		case <-time.After(d):
		}
	}
	pause(b.warm)
	before, err := p.Usage()
	own, began := instance.OwnCPU(), time.Now()
	phase.Store(measuring)
	if err == nil {
		pause(b.measure)
	}
	phase.Store(ending)
	wall := time.Since(began)
	own = instance.OwnCPU() - own
	after, uerr := p.Usage()
	all.Wait()
	if err == nil {
		err = uerr
	}
	for i := range out {
		out[i].wall, out[i].serverCPU, out[i].ownCPU = wall, after.CPU-before.CPU, own
	}
	return out, err
}

// send sends until the phase is over.
func (l *load) send(phase *atomic.Int32, short chan<- struct{}) outcome {
	var next atomic.Int64
	parts := make([]outcome, l.connections)
	began := time.Now()
	var all sync.WaitGroup
	for i := range parts {
		all.Go(func() {
			o := &parts[i]
			o.others = map[string]int{}
			open := make([]*wire.Conn, len(l.addrs))
			defer func() {
				for _, c := range open {
					if c != nil {
						_ = c.Close()
					}
				}
			}()
			for phase.Load() != ending {
				n := int(next.Add(1)) - 1
				if n >= len(l.requests) {
					if !l.again {
						o.exhausted = true
						select {
						case short <- struct{}{}:
						default:
						}
						return
					}
					n %= len(l.requests)
				}
				sent := time.Now()
				if l.pace > 0 {
					// Waiting for a slow answer must not hide that the next request was
					// due: it is measured from then.
					due := began.Add(time.Duration(float64(next.Load()) / l.pace * float64(time.Second)))
					time.Sleep(time.Until(due))
					sent = due
				}
				at, turn := phase.Load(), n%len(l.addrs)
				c := open[turn]
				if c == nil {
					var err error
					if c, err = wire.Dial(l.addrs[turn], 10*time.Second); err != nil {
						o.note(at, "cannot connect")
						time.Sleep(50 * time.Millisecond)
						continue
					}
					open[turn] = c
				}
				resp, err := c.Do(l.requests[n])
				took := time.Since(sent)
				switch {
				case err != nil:
					o.note(at, "no answer")
				case resp.Status != 200:
					o.note(at, fmt.Sprintf("status %d", resp.Status))
					time.Sleep(10 * time.Millisecond)
				case !bytes.HasPrefix(resp.Body, l.begins):
					o.note(at, fmt.Sprintf("200 with %.60q", resp.Body))
				default:
					o.delivered++
					// What was under way at either end belongs to the time for the part
					// that fell into it; the two ends make up for each other.
					if phase.Load() == measuring {
						o.answered++
						o.took = append(o.took, took)
					}
				}
				if err != nil || resp.Close {
					_ = c.Close()
					open[turn] = nil
				}
			}
		})
	}
	all.Wait()
	sum := outcome{others: map[string]int{}}
	for i := range parts {
		p := &parts[i]
		sum.answered += p.answered
		sum.delivered += p.delivered
		sum.took = append(sum.took, p.took...)
		sum.exhausted = sum.exhausted || p.exhausted
		for why, n := range p.others {
			sum.others[why] += n
		}
	}
	sum.sort()
	return sum
}

// sendAll sends every request once.
func (l *load) sendAll() outcome {
	var phase atomic.Int32
	return l.send(&phase, make(chan struct{}, 1<<16))
}

// sort puts the times in order.
func (o *outcome) sort() { slices.Sort(o.took) }

// note counts what was not as it should be, at any time.
func (o *outcome) note(phase int32, why string) {
	if phase != ending {
		o.others[why]++
	}
}

// listed writes what was not as it should be.
func listed(others map[string]int) string {
	var out []string
	for why, n := range others {
		out = append(out, fmt.Sprintf("%s: %d", why, n))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
