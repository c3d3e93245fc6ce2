package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/test/wire"
)

// inflating is a request of little more than a kilobyte that stands for a lot:
// many messages, each of which inherits the context that stands beside them.
func inflating(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	message := `{"type":"track","event":"A","userId":"u"},`
	text := `{"batch":[` + strings.TrimSuffix(strings.Repeat(message, 10_000), ",") + `],"context":{"page":{"title":"` + strings.Repeat("t", 6<<10) + `"}}}`
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// storm sends a request on many connections at once, some times on each, and
// counts the answers by status; 0 is none.
func (p *server) storm(t testing.TB, connections, times int, request []byte) map[int]int {
	t.Helper()
	var mu sync.Mutex
	answers := map[int]int{}
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			c, err := wire.Dial(p.Addr, patience)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			for range times {
				r, err := c.Do(request)
				mu.Lock()
				answers[r.Status]++
				mu.Unlock()
				if err != nil || r.Close {
					return
				}
			}
		})
	}
	all.Wait()
	return answers
}

// A small request that stands for a lot costs a stranger's server next to
// nothing, and that of somebody with a key no more than the budget of requests.
func TestInflatingRequests(t *testing.T) {
	s := boundedSite(t)
	p := s.start(t)
	body := inflating(t)
	gzipped := wire.AppendRequest(nil, "127.0.0.1", "/v1/batch", wire.Basic("wk_wrong"), body)
	gzipped = bytes.Replace(gzipped, []byte("\r\n\r\n"), []byte("\r\nContent-Encoding: gzip\r\n\r\n"), 1)

	before, err := p.Usage()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	answers := p.storm(t, 100, 2, gzipped)
	use, err := p.Usage()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("strangers: %d bytes a request, %v in %v, %d MiB before and %d MiB at most", len(body), answers, time.Since(began), before.RSS>>20, use.Peak>>20)
	if answers[401] != 200 {
		t.Errorf("answers to strangers: %v, want 200 times 401", answers)
	}
	if use.Peak > before.RSS+128<<20 {
		t.Errorf("strangers made the server take %d MiB, it had %d", use.Peak>>20, before.RSS>>20)
	}

	known := bytes.Replace(gzipped, []byte(wire.Basic("wk_wrong")), []byte(wire.Basic(keyOf("dev"))), 1)
	began = time.Now()
	answers = p.storm(t, 50, 1, known)
	t.Logf("with a key: %v in %v", answers, time.Since(began))
	if answers[200]+answers[503] != 50 || answers[200] == 0 {
		t.Errorf("answers to requests with a key: %v, want 200 and 503", answers)
	}
	p.within(t, mostMemory)
	// What was inherited is there.
	var list struct {
		Data []struct {
			Context struct{ Page struct{ Title string } }
		}
	}
	p.read(t, "dev", "user_id:u", "events?limit=3", &list)
	for _, e := range list.Data {
		if len(e.Context.Page.Title) != 6<<10 {
			t.Errorf("an event has a title of %d bytes", len(e.Context.Page.Title))
		}
	}
	if len(list.Data) != 3 {
		t.Errorf("%d events", len(list.Data))
	}
	eventually(t, patience, "the server takes events again", func() bool {
		return p.post(t, "dev", "/v1/track", trackOf("after", "the storm")).status == 200
	})
	if got, want := p.stats(t, "dev").Events, int64(answers[200]*10_000+1); got != want {
		t.Errorf("%d events are stored, %d were answered with 200", got, want)
	}
	p.stop(t)
	s.verify(t)
}

// Connections that announce a body and do not send it take no memory from
// those who do.
func TestAnnouncedBodies(t *testing.T) {
	s := boundedSite(t)
	p := s.start(t)
	request := fmt.Appendf(nil, "POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: %s\r\nContent-Length: 400000\r\n\r\n", wire.Basic(keyOf("dev")))
	for range 1100 {
		c := p.dial(t)
		if err := c.Send(request); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 50 {
		if a := p.post(t, "dev", "/v1/track", trackOf("ruth", fmt.Sprint(i))); a.status != 200 {
			t.Errorf("beside bodies that do not come: %d %s", a.status, a.body)
		}
	}
	p.within(t, mostMemory)
	// They do not keep it from stopping, and that is a good end.
	began := time.Now()
	p.stop(t)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("beside unfinished bodies it took %v to stop", took)
	}
	s.verify(t)
}
