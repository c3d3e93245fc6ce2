package journal

import (
	"fmt"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/event"
)

// Runs of packed bodies cover the messages in order, and blocks stay small.
func TestBlocksAreFilledInOrder(t *testing.T) {
	var p Packer
	for _, c := range []struct{ count, size int }{{1, 10}, {20, 100}, {30, 1000}, {5, 60_000}, {5000, 20}} {
		var messages []event.Message
		for i := range c.count {
			messages = append(messages, event.Message{Body: []byte(fmt.Sprintf("%06d%s", i, strings.Repeat("x", c.size)))})
		}
		var all []string
		collect := func(packed []byte) {
			t.Helper()
			bodies, err := UnpackBodies(packed)
			if err != nil {
				t.Fatal(err)
			}
			bytes := 0
			for _, b := range bodies {
				all = append(all, string(b[:6]))
				bytes += len(b)
			}
			if len(bodies) > packEvents || len(bodies) > 1 && bytes > packBytes {
				t.Errorf("%+v: a block of %d bodies and %d bytes", c, len(bodies), bytes)
			}
		}
		check := func(how string) {
			t.Helper()
			for i, s := range all {
				if s != fmt.Sprintf("%06d", i) {
					t.Fatalf("%+v, %s: body %d is %s", c, how, i, s)
				}
			}
			if len(all) != c.count {
				t.Errorf("%+v, %s: %d bodies", c, how, len(all))
			}
			all = nil
		}

		runs := p.PackAhead(messages)
		if small := c.count*(c.size+6) < packAheadBytes; small != (runs == nil) {
			t.Errorf("%+v: %d runs", c, len(runs))
		}
		next := 0
		for _, r := range runs {
			if r.First != next {
				t.Errorf("%+v: a run begins at %d, want %d", c, r.First, next)
			}
			next += r.Count
			collect(r.Bodies)
		}
		if runs != nil {
			check("ahead")
		}

		puts := 0
		a := NewAppender(testKeys, &p, event.NewBlock(9, 2), func(_, value []byte) {
			if puts++; puts%2 == 0 {
				collect(value)
			}
		})
		last := event.Arrival{}
		for i := range messages {
			at := a.Add(Head{Type: event.Track, Time: int64(i)}, &messages[i])
			if at.Compare(last) <= 0 {
				t.Fatalf("%v after %v", at, last)
			}
			last = at
		}
		a.Flush()
		a.Flush()
		check("one by one")
		blocks := a.Blocks()
		if len(blocks) != puts/2 || blocks[0] != event.NewBlock(9, 2) || blocks[len(blocks)-1] != last.Block() {
			t.Errorf("%+v: blocks %v after %d rows, the last event is %v", c, blocks, puts, last)
		}
	}
}
