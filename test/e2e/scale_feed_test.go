package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/feed"
)

// tail is a `selfsame feed` that reads from one node.
type tail struct {
	cmd      *exec.Cmd
	out, err bytes.Buffer
	began    chan struct{} // closed when it has printed something
	once     sync.Once
	done     chan struct{}
}

// Write takes what the reader prints.
func (f *tail) Write(b []byte) (int, error) {
	f.once.Do(func() { close(f.began) })
	return f.out.Write(b)
}

// record is a record of the feed as the API shows it.
type record struct {
	Lane    string
	Seq     uint64
	Events  int
	Changes []struct {
		Kind, Profile string
		Version       uint64
	}
}

// follow starts a reader of a node after a cursor. It ends with the test.
func (s *site) follow(t testing.TB, p *server, cursor string, args ...string) *tail {
	t.Helper()
	f := &tail{began: make(chan struct{}), done: make(chan struct{})}
	f.cmd = exec.Command(s.binary, append([]string{"feed", "--server", p.URL(""), "--space", "dev", "--after", cursor}, args...)...)
	f.cmd.Env = append(os.Environ(), "SELFSAME_ADMIN_TOKEN="+adminToken)
	f.cmd.Stdout, f.cmd.Stderr = f, &f.err
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = f.cmd.Wait()
		close(f.done)
	}()
	t.Cleanup(func() {
		_ = f.cmd.Process.Kill()
		<-f.done
	})
	return f
}

// end waits for the reader's end and returns what it read and its cursor.
func (f *tail) end(t testing.TB) (records []record, cursor string) {
	t.Helper()
	select {
	case <-f.done:
	case <-time.After(20 * time.Second):
		t.Fatal("the reader of the feed does not end")
	}
	for line := range bytes.Lines(f.out.Bytes()) {
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		records = append(records, r)
	}
	at := strings.LastIndex(f.err.String(), "cursor: ")
	if at < 0 {
		t.Fatalf("the reader says no cursor:\n%s", f.err.String())
	}
	return records, strings.Fields(f.err.String()[at:])[1]
}

// Who reads the feed goes from node to node with a cursor, also when its node
// dies: every change comes once, what a dead node wrote is not missed, and no two
// commits made the same version of a profile.
func TestFeedAcrossNodes(t *testing.T) {
	t.Parallel()
	s, _ := newShared(t, watched(t))
	a, b := s.start(t), s.start(t)
	senders := shoppers(6, 101)
	stop := load(senders, a, b)
	reader := s.follow(t, a, "", "--follow")
	select {
	case <-reader.began:
	case <-time.After(20 * time.Second):
		t.Fatal("the reader of the feed reads nothing")
	}
	time.Sleep(700 * time.Millisecond)
	a.Kill()
	first, cursor := reader.end(t)
	if code := reader.cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("the reader's node died, and its exit code is %d:\n%s", code, reader.err.String())
	}
	reader = s.follow(t, b, cursor, "--follow")
	c := s.start(t)
	stop()
	stop = load(senders, b, c)
	time.Sleep(500 * time.Millisecond)
	stop()
	events := everything(t, senders, []*server{b, c})
	if err := reader.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	second, cursor := reader.end(t)
	rested(t, b, c)
	third, _ := s.follow(t, c, cursor).end(t)
	t.Logf("%d records from the node that died, then %d, at last %d", len(first), len(second), len(third))
	if len(first) == 0 || len(second) == 0 {
		t.Error("a reader saw nothing")
	}

	stored := 0
	last := map[string]uint64{}                // of a lane
	versions := map[string]map[uint64]string{} // of a profile: which record made it
	newest := map[string]uint64{}              // of a profile
	for _, r := range append(append(first, second...), third...) {
		if r.Seq != last[r.Lane]+1 {
			t.Errorf("record %d of lane %s comes after record %d", r.Seq, r.Lane, last[r.Lane])
		}
		last[r.Lane] = r.Seq
		stored += r.Events
		name := fmt.Sprint(r.Lane, "/", r.Seq)
		for _, ch := range r.Changes {
			if ch.Profile == "" || ch.Kind == feed.Demoted.String() {
				continue // what is left out does not change a profile
			}
			if versions[ch.Profile] == nil {
				versions[ch.Profile] = map[uint64]string{}
			}
			if by := versions[ch.Profile][ch.Version]; by != "" && by != name {
				t.Errorf("records %s and %s both made version %d of %s: %+v", by, name, ch.Version, ch.Profile, ch)
			}
			versions[ch.Profile][ch.Version] = name
			if ch.Version < newest[ch.Profile] {
				t.Errorf("record %s, version %d of %s, comes after version %d: %+v", name, ch.Version, ch.Profile, newest[ch.Profile], ch)
			}
			newest[ch.Profile] = ch.Version
		}
	}
	if len(last) < 3 {
		t.Errorf("%d lanes; three nodes took events", len(last))
	}
	if stored != len(events) {
		t.Errorf("the feed tells of %d events, and %d were sent", stored, len(events))
	}
	s.verify(t)
}
