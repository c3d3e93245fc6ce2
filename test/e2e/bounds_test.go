package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/test/wire"
)

// boundedSite has little memory to work with, so that what is not bounded shows.
func boundedSite(t testing.TB) *site {
	return newSiteWith(t, binary(t), fmt.Sprintf(`admin_token: %s
memory: 128MiB
profile_rate: 0
spaces:
  - id: dev
    sources: [{id: shop-dev, name: Shop, write_key: %s}]
    tokens: [{name: reader, token: %s}]
`, adminToken, keyOf("dev"), tokenOf("dev")))
}

// mostMemory is what a server with 128 MiB for its caches may come to.
const mostMemory = 600 << 20

func (p *server) within(t testing.TB, most int64) {
	t.Helper()
	use, err := p.Usage()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("memory: %d MiB now, %d MiB at most", use.RSS>>20, use.Peak>>20)
	if use.Peak > most {
		t.Errorf("the server came to %d MiB, %d wanted at most", use.Peak>>20, most>>20)
	}
}

// zeros is a body of that many bytes that takes next to nothing to make.
func zeros(n int64) io.Reader { return io.LimitReader(endless('0'), n) }

type endless byte

func (e endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(e)
	}
	return len(b), nil
}

func TestHugeBodies(t *testing.T) {
	s := boundedSite(t)
	p := s.start(t)
	var bomb bytes.Buffer
	z, err := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(z, zeros(256<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name     string
		body     io.Reader
		encoding string
	}{
		{"gzip bomb", bytes.NewReader(bomb.Bytes()), "gzip"},
		{"200 MB", zeros(200 << 20), ""},
		{"50 MB of brackets", io.LimitReader(endless('['), 50<<20), ""},
		{"not gzip", strings.NewReader("this is not gzip"), "gzip"},
		{"cut gzip", bytes.NewReader(bomb.Bytes()[:1000]), "gzip"},
	} {
		req, err := http.NewRequest(http.MethodPost, p.URL("/v1/batch"), tc.body)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(keyOf("dev"), "")
		if tc.encoding != "" {
			req.Header.Set("Content-Encoding", tc.encoding)
		}
		resp, err := client.Do(req)
		if err != nil {
			// The server may close the connection on one who goes on and on.
			if !strings.Contains(err.Error(), "reset") && !strings.Contains(err.Error(), "broken pipe") {
				t.Errorf("%s: %v", tc.name, err)
			}
			continue
		}
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		_ = resp.Body.Close()
		if resp.StatusCode != 400 && resp.StatusCode != 413 || !json.Valid(text) {
			t.Errorf("%s: status %d: %.300s", tc.name, resp.StatusCode, text)
		}
	}
	p.within(t, mostMemory)
	p.send(t, "dev", "/v1/track", trackOf("ruth", "m-1"))
	if n := len(p.events(t, "dev", "user_id:ruth")); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
}

// One bad message never costs the good ones, and is kept with its reason.
func TestBadMessages(t *testing.T) {
	t.Parallel()
	s := newSite(t, binary(t))
	p := s.start(t)
	deep := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	bad := map[string]string{
		"deep nesting":     `{"type":"track","event":"Deep","userId":"ruth","properties":{"a":` + deep[:20_000] + deep[len(deep)-20_000:] + `}}`,
		"no ID":            `{"type":"track","event":"Nobody"}`,
		"no event name":    `{"type":"track","userId":"ruth"}`,
		"unknown call":     `{"type":"dance","userId":"ruth"}`,
		"group without ID": `{"type":"group","userId":"ruth"}`,
		"wrong type":       `{"type":7,"userId":"ruth"}`,
		"a number":         `42`,
		"too large":        `{"type":"track","event":"Large","userId":"ruth","properties":{"a":"` + strings.Repeat("x", 40_000) + `"}}`,
		"long messageId":   `{"type":"track","event":"Named","userId":"ruth","messageId":"` + strings.Repeat("m", 101) + `"}`,
		"an ID of 20 kB":   `{"type":"track","event":"Named","userId":"` + strings.Repeat("u", 20_000) + `"}`,
		"absurd time":      `{"type":"track","event":"Early","userId":"ruth","messageId":"early","timestamp":"-99999-01-01T00:00:00Z"}`,
		"a time to come":   `{"type":"track","event":"Soon","userId":"ruth","messageId":"soon","timestamp":"2999-01-01T00:00:00Z"}`,
		"not UTF-8":        "{\"type\":\"track\",\"event\":\"Bytes \xff\xfe\",\"userId\":\"ruth\",\"messageId\":\"bytes\"}",
	}
	sent := 0
	for name, message := range bad {
		good := fmt.Sprintf("good-%d", sent)
		sent++
		a := p.post(t, "dev", "/v1/batch", batch([]byte(message), trackOf("ruth", good)))
		if a.status != 200 {
			t.Errorf("%s beside a good message: status %d: %.300s", name, a.status, a.body)
		}
		t.Logf("%s: %.200s", name, a.body)
	}
	seen := map[string]bool{}
	now := time.Now().UTC().Add(time.Minute).Format(time.RFC3339)
	for _, e := range p.events(t, "dev", "user_id:ruth") {
		seen[e.MessageID] = true
		if e.Timestamp > now {
			t.Errorf("%s happened at %s", e.MessageID, e.Timestamp)
		}
	}
	for i := range sent {
		if !seen[fmt.Sprintf("good-%d", i)] {
			t.Errorf("good-%d is lost", i)
		}
	}
	var rejects struct {
		Data []struct{ Code, Message string }
	}
	p.manage(t, http.MethodGet, "/api/spaces/dev/rejects?limit=100", &rejects)
	if len(rejects.Data) < 8 {
		t.Errorf("only %d rejects are kept", len(rejects.Data))
	}
	for _, r := range rejects.Data {
		if r.Code == "" || r.Message == "" {
			t.Errorf("a reject without a reason: %+v", r)
		}
	}
	for _, body := range []string{"", "null", "{", "not JSON", `{"batch":7}`, `{"batch":[{"type":"track"}]}`, deep, strings.Repeat(`{"a":`, 50_000)} {
		if a := p.post(t, "dev", "/v1/batch", []byte(body)); a.status != 400 && a.status != 413 || !json.Valid(a.body) {
			t.Errorf("%.40q: status %d: %.300s", body, a.status, a.body)
		}
	}
	for _, key := range []string{"nobody", ""} {
		if a := p.post(t, key, "/v1/track", trackOf("ruth", "m"), "Authorization", wire.Basic(key)); a.status != 401 {
			t.Errorf("write key %q: status %d", key, a.status)
		}
	}
	p.stop(t)
	s.verify(t)
}

// A flood is answered with 503 or 429 and a Retry-After, memory stays bounded,
// and what was answered with 200 is there.
func TestFlood(t *testing.T) {
	s := boundedSite(t)
	p := s.start(t)
	// Large requests whose messages have no IDs of their own, so that one body
	// serves them all; and many more connections than there is work for.
	const connections, size = 400, 500
	var one bytes.Buffer
	one.WriteString(`{"batch":[`)
	for i := range size {
		if i > 0 {
			one.WriteByte(',')
		}
		fmt.Fprintf(&one, `{"type":"track","event":"Flooded","userId":"user-%d","properties":{"filling":%q}}`, i, strings.Repeat("water ", 130))
	}
	one.WriteString(`]}`)
	request := wire.AppendRequest(nil, "127.0.0.1", "/v1/batch", wire.Basic(keyOf("dev")), one.Bytes())

	var taken, refused, broken atomic.Int64
	var mu sync.Mutex
	wrong := map[string]int{}
	deadline := time.Now().Add(4 * time.Second)
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			var c *wire.Conn
			for time.Now().Before(deadline) {
				if c == nil {
					var err error
					if c, err = wire.Dial(p.Addr, patience); err != nil {
						broken.Add(1)
						continue
					}
				}
				r, err := c.Do(request)
				switch {
				case err != nil:
					broken.Add(1)
				case r.Status == 200:
					taken.Add(1)
				case (r.Status == 503 || r.Status == 429) && r.RetryAfter != "":
					refused.Add(1)
					time.Sleep(50 * time.Millisecond)
				default:
					mu.Lock()
					wrong[fmt.Sprintf("status %d, Retry-After %q: %.100s", r.Status, r.RetryAfter, r.Body)]++
					mu.Unlock()
				}
				if err != nil || r.Close {
					_ = c.Close()
					c = nil
				}
			}
			if c != nil {
				_ = c.Close()
			}
		})
	}
	all.Wait()
	t.Logf("requests of %d kB: %d taken, %d refused for now, %d without an answer", len(request)>>10, taken.Load(), refused.Load(), broken.Load())
	for what, n := range wrong {
		t.Errorf("%d times %s", n, what)
	}
	if refused.Load() == 0 {
		t.Error("nothing was refused: either this is no flood, or everything waits in memory")
	}
	if broken.Load() > 0 {
		t.Errorf("%d requests had no answer", broken.Load())
	}
	p.within(t, mostMemory)
	eventually(t, patience, "the server takes events again", func() bool {
		return p.post(t, "dev", "/v1/track", trackOf("after", "the flood")).status == 200
	})
	if got, want := p.stats(t, "dev").Events, taken.Load()*size+1; got != want {
		t.Errorf("%d events are stored, %d were answered with 200", got, want)
	}
	p.stop(t)
	s.verify(t)
}

// Connections that say nothing, or speak slowly, keep nobody else waiting.
func TestIdleConnections(t *testing.T) {
	s := newSite(t, binary(t))
	p := s.start(t)
	for range 300 {
		p.dial(t) // and never a word
	}
	began := time.Now()
	p.send(t, "dev", "/v1/track", trackOf("ruth", "m-1"))
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("beside idle connections a request took %v", took)
	}
	// They do not keep it from stopping either.
	began = time.Now()
	p.stop(t)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("beside idle connections it took %v to stop", took)
	}
}
