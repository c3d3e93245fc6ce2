package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// logsOf are the logs of a data directory that have something in them.
func logsOf(t *testing.T, s *site) (paths []string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(s.data, "store", "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		if text, err := os.ReadFile(path); err == nil && len(bytes.TrimRight(text, "\x00")) > 0 {
			paths = append(paths, path)
		}
	}
	return paths
}

// Damage at the end of the log after a crash is said with numbers: in the log of
// the start, by verify, and as a warning until somebody has seen to it.
func TestDamagedLogIsTold(t *testing.T) {
	t.Parallel()
	const sent = 40
	for name, damage := range map[string]func(path string, text []byte) error{
		"one bit": func(path string, text []byte) error {
			text[len(bytes.TrimRight(text, "\x00"))-2000] ^= 4
			return os.WriteFile(path, text, 0o600)
		},
		"cut": func(path string, text []byte) error {
			return os.Truncate(path, int64(len(bytes.TrimRight(text, "\x00"))/2))
		},
		"removed": func(path string, text []byte) error { return os.Remove(path) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, binary(t))
			p := s.start(t)
			p.send(t, "dev", "/v1/track", trackOf("early", "m-early"))
			p.stop(t)
			p = s.start(t)
			for i := range sent {
				p.send(t, "dev", "/v1/track", trackOf("ruth", fmt.Sprintf("m-%d", i)))
			}
			reader := follower{seen: map[string]int{}}
			if !reader.read(t, p) {
				t.Fatal("the feed cannot be read")
			}
			time.Sleep(2500 * time.Millisecond) // it is noted once a second how far the log is durable
			p.Kill()
			logs := logsOf(t, s)
			if len(logs) != 1 {
				t.Fatalf("logs: %v", logs)
			}
			text, err := os.ReadFile(logs[0])
			if err == nil {
				err = damage(logs[0], text)
			}
			if err != nil {
				t.Fatal(err)
			}
			p = s.start(t)
			left := 0
			if name != "removed" {
				left = len(p.events(t, "dev", "user_id:ruth"))
			}
			said := fmt.Sprintf("events_at_least=%d", sent-left)
			if left == sent || !strings.Contains(p.Log(), "level=ERROR") || !strings.Contains(p.Log(), said) {
				t.Errorf("%d of %d events are left; the log should have %s:\n%s", left, sent, said, p.Log())
			}
			server := []string{"--server", p.URL(""), "--space", "dev"}
			out, code := s.run(t, nil, append([]string{"verify"}, server...)...)
			if code != 1 || !strings.Contains(out, fmt.Sprintf("%d event", sent-left)) || !strings.Contains(out, "No difference") {
				t.Errorf("verify: exit code %d\n%s", code, out)
			}
			out, _ = s.run(t, nil, append([]string{"warnings", "--json"}, server...)...)
			if !strings.Contains(out, "events_lost") || !json.Valid([]byte(out)) {
				t.Errorf("warnings: %s", out)
			}
			// Who has read the feed to its old end sees what comes now.
			before := len(reader.seen)
			p.send(t, "dev", "/v1/track", trackOf("late", "m-late"))
			if !reader.read(t, p) || len(reader.seen) == before {
				t.Error("a reader of the feed does not see what came after the loss")
			}
			p.stop(t)
			// What remains is worked with, and it is told until somebody has seen to it.
			out, code = s.run(t, nil, "verify", "--data", s.data, "--space", "dev")
			if code != 1 || !strings.Contains(out, "Lost:") {
				t.Errorf("verify of the directory: exit code %d\n%s", code, out)
			}
			p = s.start(t)
			if strings.Contains(p.Log(), "level=ERROR") {
				t.Errorf("the next start tells it as if it were new:\n%s", p.Log())
			}
			server[1] = p.URL("")
			s.mustRun(t, nil, append([]string{"warnings", "dismiss", "events_lost"}, server...)...)
			s.mustRun(t, nil, append([]string{"verify"}, server...)...)
			for i := range sent { // sent again, what is there counts once
				p.send(t, "dev", "/v1/track", trackOf("ruth", fmt.Sprintf("m-%d", i)))
			}
			if got := len(p.events(t, "dev", "user_id:ruth")); got != sent {
				t.Errorf("%d events after they were sent again, want %d", got, sent)
			}
			p.stop(t)
			s.verify(t)
		})
	}
}

// After a stop in order nothing is in the logs, so nothing can be lost with them;
// and the torn end of a kill is no loss.
func TestLogsThatMayGo(t *testing.T) {
	t.Parallel()
	s := newSite(t, binary(t))
	p := s.start(t)
	for i := range 20 {
		p.send(t, "dev", "/v1/track", trackOf("ruth", fmt.Sprintf("m-%d", i)))
	}
	p.stop(t)
	all, err := filepath.Glob(filepath.Join(s.data, "store", "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	p = s.start(t)
	if got := len(p.events(t, "dev", "user_id:ruth")); got != 20 || strings.Contains(p.Log(), "level=ERROR") {
		t.Errorf("%d events, want 20\n%s", got, p.Log())
	}
	p.send(t, "dev", "/v1/track", trackOf("ruth", "m-20"))
	p.Kill()
	for _, path := range logsOf(t, s) { // half a record, as a kill leaves it
		text, err := os.ReadFile(path)
		if err == nil {
			end := len(bytes.TrimRight(text, "\x00"))
			err = os.WriteFile(path, append(text[:end:end], text[:min(end, 30)]...), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	p = s.start(t)
	if got := len(p.events(t, "dev", "user_id:ruth")); got != 21 || strings.Contains(p.Log(), "level=ERROR") {
		t.Errorf("%d events, want 21\n%s", got, p.Log())
	}
	p.stop(t)
	s.verify(t)
}
