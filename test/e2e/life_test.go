package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/test/population"
)

func trackOf(user, id string) []byte {
	return fmt.Appendf(nil, `{"type":"track","event":"Shoe Viewed","userId":%q,"messageId":%q,"timestamp":"2025-03-01T10:00:00Z"}`, user, id)
}

// A messageId counts once: in one request, over requests and calls, and across
// restarts and crashes.
func TestRepeatsCountOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, binary(t))
	p := s.start(t)
	count := func(want int) {
		t.Helper()
		if got := len(p.events(t, "dev", "user_id:ruth")); got != want {
			t.Errorf("%d events, want %d", got, want)
		}
	}
	first := batch(trackOf("ruth", "m-1"), trackOf("ruth", "m-2"), trackOf("ruth", "m-1"))
	p.send(t, "dev", "/v1/batch", first)
	p.send(t, "dev", "/v1/batch", first)
	p.send(t, "dev", "/v1/track", trackOf("ruth", "m-2"))
	count(2)
	p.stop(t)

	p = s.start(t)
	count(2)
	p.send(t, "dev", "/v1/batch", first)
	p.send(t, "dev", "/v1/t", trackOf("ruth", "m-3"))
	count(3)
	p.Kill()

	p = s.start(t)
	p.send(t, "dev", "/v1/batch", batch(trackOf("ruth", "m-3"), trackOf("ruth", "m-2"), trackOf("ruth", "m-4")))
	count(4)
	if st := p.stats(t, "dev"); st.Events != 1 || st.Repeats != 2 {
		t.Errorf("since the start %d events and %d repeats, want 1 and 2", st.Events, st.Repeats)
	}
	p.stop(t)
	s.verify(t)
}

// Told to stop, a server finishes what it has taken, says no to the rest, and
// leaves with exit code 0.
func TestStoppedUnderLoad(t *testing.T) {
	t.Parallel()
	s := newSite(t, binary(t))
	p := s.start(t)
	stream := population.Config{Seed: 31, Active: 300, Careless: -1}.Stream()
	var mu sync.Mutex
	take := func(n int) (out [][]byte) {
		mu.Lock()
		defer mu.Unlock()
		for range n {
			out = append(out, bytes.Clone(stream.Next()))
		}
		return out
	}
	senders := make([]*sender, 16)
	var stop atomic.Bool
	var all sync.WaitGroup
	for i := range senders {
		r := rand.New(rand.NewPCG(uint64(i), 9))
		senders[i] = &sender{random: r, stream: func() [][]byte { return take(1 + r.IntN(20)) }}
		all.Go(func() { senders[i].work(p.Addr, &stop) })
	}
	time.Sleep(700 * time.Millisecond)
	began := time.Now()
	if err := p.Terminate(); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(patience); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	t.Logf("it took %v to stop", time.Since(began).Round(time.Millisecond))
	stop.Store(true)
	all.Wait()

	p = s.start(t)
	var acked, maybe [][]byte
	for _, sn := range senders {
		if sn.wrong != nil {
			t.Error(sn.wrong)
		}
		acked = append(acked, sn.acked...)
		maybe = append(append(maybe, sn.dropped...), sn.pending...)
	}
	sure, unsure := parsed(t, acked), parsed(t, maybe)
	counts := p.stored(t, "dev", p.profilesOf(t, "dev", distinctIDs(append(sure, unsure...))))
	lost := 0
	for i := range sure {
		if counts[sure[i].messageID] != 1 {
			lost++
		}
	}
	if lost > 0 || len(sure) == 0 {
		t.Errorf("%d of %d answered events are not there exactly once", lost, len(sure))
	}
	p.stop(t)
	s.verify(t)
}

// The second of two servers on one directory leaves and says why.
func TestTwoServersOnOneDirectory(t *testing.T) {
	t.Parallel()
	s := newSite(t, binary(t))
	p := s.start(t)
	p.send(t, "dev", "/v1/track", trackOf("ruth", "m-1"))
	second, err := s.tryStart(t)
	if err == nil {
		t.Fatal("a second server works on the same directory")
	}
	if second == nil || second.Running() {
		t.Fatalf("the second server did not end by itself: %v", err)
	}
	text := second.Log()
	if !strings.Contains(text, s.data) || strings.Contains(text, "goroutine ") {
		t.Errorf("the second server does not say clearly what is wrong:\n%s", text)
	}
	// A command on the directory says so as well.
	if out, code := s.run(t, nil, "verify", "--config", s.config, "--data", s.data, "--space", "dev"); code == 0 || !strings.Contains(out, s.data) {
		t.Errorf("verify on the directory of a running server: exit code %d:\n%s", code, out)
	}
	// The first one is not disturbed.
	p.send(t, "dev", "/v1/track", trackOf("ruth", "m-2"))
	if n := len(p.events(t, "dev", "user_id:ruth")); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
}

// damage spoils the middle of files that match.
func damage(t testing.TB, dir, pattern string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if ok, _ := filepath.Match(pattern, d.Name()); !ok {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil || len(text) < 64 {
			return err
		}
		for i := len(text) / 4; i < len(text)*3/4; i++ {
			text[i] ^= 0x5a
		}
		n++
		return os.WriteFile(path, text, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A damaged file is said to be one. Nothing goes on as if it were whole.
func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"MANIFEST-*", "*.sst", "*.blob"} {
		t.Run(strings.Trim(pattern, "*.-"), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, binary(t))
			file := filepath.Join(t.TempDir(), "events.ndjson")
			writeFile(t, file, population.Config{Seed: 41, People: 400}.NDJSON())
			s.mustRun(t, nil, "import", "--config", s.config, "--data", s.data, "--space", "dev", "--source", "shop-dev", file)
			s.mustRun(t, nil, "verify", "--config", s.config, "--data", s.data, "--space", "dev")
			if damage(t, s.data, pattern) == 0 {
				t.Fatalf("no file %s in %s", pattern, s.data)
			}
			s.damaged = "files were damaged on purpose"
			out, code := s.run(t, nil, "verify", "--config", s.config, "--data", s.data, "--space", "dev")
			if code == 0 || !strings.Contains(out, "damaged") || strings.Contains(out, "goroutine ") || strings.Contains(out, "stack trace") {
				t.Errorf("verify on a damaged directory: exit code %d:\n%s", code, shortened(out))
			}
			t.Logf("verify: exit code %d: %s", code, shortened(out))
			p, err := s.tryStart(t)
			if err == nil {
				// It may start on what it can read; it must not give wrong answers.
				if a := p.profile(t, "dev", "user_id:nobody", "traits"); a.status == 200 {
					t.Errorf("a profile that never was: %s", a.body)
				}
				return
			}
			if p == nil || p.Running() || !strings.Contains(p.Log(), s.data) || !strings.Contains(p.Log(), "damaged") || strings.Contains(p.Log(), "goroutine ") {
				t.Errorf("serve on a damaged directory does not say clearly what is wrong: %v\n%s", err, p.Log())
			}
			t.Logf("serve: %s", p.Log())
		})
	}
}

// A configuration that cannot be meant stops the server before it touches data.
func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, binary(t), "spaces:\n  - id: dev\n    sauces: [{id: shop}]\n")
	p, err := s.tryStart(t)
	if err == nil || p == nil || p.Running() {
		t.Fatalf("the server started on a configuration with a misspelled key: %v", err)
	}
	if !strings.Contains(p.Log(), "sauces") || !strings.Contains(p.Log(), s.config) {
		t.Errorf("the server does not say where the mistake is:\n%s", p.Log())
	}
	if _, err := os.Stat(s.data); err == nil {
		t.Errorf("%s was made all the same", s.data)
	}
}
