package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// Spaces that nobody works with any more cost next to nothing, however many there
// are: no goroutine, little memory, and no time; and the next event finds them as
// they were.
func TestIdleSpacesCostNextToNothing(t *testing.T) {
	s := boundedSite(t)
	p := s.start(t)
	p.send(t, "dev", "/v1/track", []byte(`{"event":"x","userId":"u"}`))
	eventually(t, patience, "the server has come to rest", func() bool { return p.metric(t, "go_goroutines") < 60 })
	before, err := p.Usage()
	if err != nil {
		t.Fatal(err)
	}
	const spaces = 300
	key := make([]string, spaces)
	for i := range spaces {
		var made struct {
			WriteKey string `json:"write_key"`
		}
		id := fmt.Sprintf("idle-%d", i)
		p.administer(t, http.MethodPost, "/api/spaces", `{"id":"`+id+`"}`, nil)
		p.administer(t, http.MethodPost, "/api/spaces/"+id+"/sources", `{"id":"`+id+`"}`, &made)
		key[i] = made.WriteKey
	}
	fill := func(round int) {
		for i := range spaces {
			event := fmt.Appendf(nil, `{"type":"identify","messageId":"m-%d","userId":"u","anonymousId":"a-%d"}`, round, round)
			if status := p.with(t, http.MethodPost, "/v1/batch", key[i], batch(event)); status != http.StatusOK {
				t.Fatalf("space %d answers %d", i, status)
			}
		}
	}
	fill(0)
	// A goroutine for each would be 300.
	eventually(t, patience, "the goroutines of idle spaces have ended", func() bool { return p.metric(t, "go_goroutines") < 60 })
	time.Sleep(3 * time.Second) // the watcher has looked at what came
	began, err := p.Usage()
	if err != nil {
		t.Fatal(err)
	}
	const span = 5 * time.Second
	time.Sleep(span)
	use, err := p.Usage()
	if err != nil {
		t.Fatal(err)
	}
	took, memory := use.CPU-began.CPU, use.RSS-before.RSS
	t.Logf("%d idle spaces take %v of a core in %v, and %d KiB each", spaces, took, span, memory/spaces>>10)
	if took > span/5 {
		t.Errorf("%d idle spaces take %v of a core in %v", spaces, took, span)
	}
	if memory > spaces*512<<10 {
		t.Errorf("%d idle spaces take %d MiB", spaces, memory>>20)
	}
	fill(1)
	p.stop(t)
	s.verify(t, "dev", "idle-0", fmt.Sprint("idle-", spaces-1))
}
