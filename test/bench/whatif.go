package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	simulateTitle = "A draft of rules, tried on one core"
	rowSimulate   = "a hundredth of the people over its limit"
	movesTitle    = "Rules that move half of the events to other sets of identifiers"
	rowThere      = "rules that look for a card"
	rowBack       = "and look no more"
)

// cards are people with four events on two devices, a hundredth of them with one
// more on a third. Every second event has a card.
type cards struct {
	people  int
	p, n    int
	scratch []byte
}

func (c *cards) Next() []byte {
	if c.n == 4 && c.p%100 != 0 || c.n == 5 {
		c.p, c.n = c.p+1, 0
	}
	if c.p == c.people {
		return nil
	}
	card := ""
	if c.n%2 == 1 {
		card = fmt.Sprintf(`,"properties":{"card":"c%d"}`, c.p)
	}
	at := time.Unix(1_600_000_000+int64(c.p), int64(c.n)*1e6).UTC().Format(time.RFC3339Nano)
	c.scratch = fmt.Appendf(c.scratch[:0], `{"type":"track","event":"Clicked","messageId":"m%d-%d","userId":"user-%d","anonymousId":"cookie-%d-%d","timestamp":%q%s}`,
		c.p, c.n, c.p, c.p, c.n/2, at, card)
	c.n++
	return c.scratch
}

// whatIf measures what changes of rules cost, tried and done.
func (b *bench) whatIf() error {
	data, err := b.filled("cards", func() events { return &cards{people: b.cards} })
	if err != nil {
		return err
	}
	draft := filepath.Join(b.dir, "draft.yaml")
	if err := os.WriteFile(draft, []byte("identifiers:\n  - {type: user_id}\n  - {type: anonymous_id, limit: 2, window: ever}\n"), 0o600); err != nil {
		return err
	}
	began := time.Now()
	state, peak, err := b.command(nil, nil, []string{"GOMAXPROCS=1"}, "simulate", "--rules", draft, "--data", data)
	if err != nil {
		return err
	}
	wall, cpu := time.Since(began), state.UserTime()+state.SystemTime()
	million := float64(b.cards) / 1e6
	b.tables.at(simulateTitle, whole(b.cards)+" profiles", "CPU s a million", "seconds a million", "seconds", "of C for as many events", "peak RSS MiB").
		add(b.row(rowSimulate), figure{cpu.Seconds() / million, decimals(1)}, figure{wall.Seconds() / million, decimals(1)}, seconds(wall),
			ratio(4*float64(b.cards)/wall.Seconds(), b.yard.core), mebi(peak))

	p, err := b.start(data)
	if err != nil {
		return err
	}
	defer p.Kill()
	t := b.tables.at(movesTitle, whole(4*b.cards)+" events", "s for 200,000 moved", "seconds", "events moved/s of C", "server µs/event moved", "of C's", "peak RSS MiB")
	for _, x := range []struct{ name, rules string }{
		{rowThere, `{"identifiers":[{"type":"user_id"},{"type":"card","key":"card"}]}`},
		{rowBack, `{}`},
	} {
		before, err := p.Usage()
		if err != nil {
			return err
		}
		began := time.Now()
		if _, err := manage(p, "PUT", "/api/spaces/dev/rules", "application/json", x.rules); err != nil {
			return err
		}
		err = await(p, "/api/spaces/dev/rules", func(answer []byte) (bool, error) {
			var now struct{ Applying bool }
			err := json.Unmarshal(answer, &now)
			return !now.Applying, err
		})
		if err != nil {
			return err
		}
		took := time.Since(began)
		after, err := p.Usage()
		if err != nil {
			return err
		}
		moved := 2 * b.cards
		each := micros(after.CPU-before.CPU, moved)
		t.add(b.row(x.name), figure{took.Seconds() * 200_000 / float64(moved), decimals(1)}, seconds(took),
			ratio(float64(moved)/took.Seconds(), b.yard.core), each, ratio(each.value, b.yard.coreCPU), mebi(after.Peak))
	}
	return p.Stop()
}
