package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Jane's story: examples/jane.ndjson, in which the last message comes twice.
const janeFile = "../../examples/jane.ndjson"

var (
	janeIDs = []string{
		"android.id:and_1a2b3c4d", "anonymous_id:anon_123", "anonymous_id:anon_456", "anonymous_id:anon_789",
		"email:janedoe@example.com", "ios.id:ios_abc123", "user_id:abc123def",
	}
	janeTraits = map[string]any{
		"email": "janedoe@example.com", "firstName": "Jane", "lastName": "Doe", "createdAt": "2019-11-15T14:08:44Z",
	}
)

const janeEvents = 26

func janeLines(t testing.TB) (lines [][]byte) {
	t.Helper()
	text, err := os.ReadFile(janeFile)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		lines = append(lines, bytes.TrimSpace(line))
	}
	if len(lines) != janeEvents+1 {
		t.Fatalf("%d messages in %s", len(lines), janeFile)
	}
	return lines
}

// isJane checks that a space holds Jane and nobody else.
func isJane(t testing.TB, p *server, space string) {
	t.Helper()
	if n := p.stats(t, space).Profiles; n != 1 {
		t.Errorf("%s: %d profiles, one wanted", space, n)
	}
	id := p.profileID(t, space, janeIDs[0])
	for _, user := range append(slices.Clone(janeIDs), "segment_id:"+id) {
		if got := p.profileID(t, space, user); got != id {
			t.Errorf("%s: %s leads to %s, %s to %s", space, janeIDs[0], id, user, got)
		}
	}
	equal(t, space+": external IDs", p.ids(t, space, "user_id:abc123def"), janeIDs)
	if got := p.traits(t, space, "user_id:abc123def"); !maps.Equal(got, janeTraits) {
		t.Errorf("%s: traits %v, want %v", space, got, janeTraits)
	}
	seen := map[string]int{}
	before := "9999"
	for _, e := range p.events(t, space, "user_id:abc123def") {
		seen[e.MessageID]++
		if e.Timestamp > before {
			t.Errorf("%s: %s at %s comes after %s: not newest first", space, e.MessageID, e.Timestamp, before)
		}
		before = e.Timestamp
	}
	if len(seen) != janeEvents {
		t.Errorf("%s: %d different events, want %d", space, len(seen), janeEvents)
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s: %s is there %d times", space, id, n)
		}
	}
}

func TestJaneOverHTTP(t *testing.T) {
	t.Parallel()
	s := newSite(t, binary(t), "calls", "batch")
	p := s.start(t)
	for _, line := range janeLines(t) {
		var m struct{ Type string }
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		p.send(t, "calls", "/v1/"+m.Type, line)
	}
	p.send(t, "batch", "/v1/batch", batch(janeLines(t)...))
	isJane(t, p, "calls")
	isJane(t, p, "batch")
	p.stop(t)
	s.verify(t, "calls", "batch")

	// All of it is there after a new start.
	p = s.start(t)
	isJane(t, p, "calls")
	isJane(t, p, "batch")
}

func TestJaneByImport(t *testing.T) {
	t.Parallel()
	s := newSite(t, binary(t), "stopped", "running")
	imported := func(space string, where ...string) {
		args := append([]string{"import", "--config", s.config, "--space", space, "--source", "shop-" + space}, where...)
		s.mustRun(t, nil, append(args, janeFile)...)
		// Once more, as somebody does who is not sure: nothing counts twice.
		s.mustRun(t, nil, append(args, janeFile)...)
		other := filepath.Join(t.TempDir(), "jane-again.ndjson")
		text, err := os.ReadFile(janeFile)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(other, text, 0o600); err != nil {
			t.Fatal(err)
		}
		s.mustRun(t, nil, append(args, other)...)
	}
	imported("stopped", "--data", s.data)
	p := s.start(t)
	isJane(t, p, "stopped")
	imported("running", "--server", p.URL(""))
	isJane(t, p, "running")
	p.stop(t)
	s.verify(t, "stopped", "running")
}

// Whatever the order, and however it is cut into requests: the same Jane.
func TestJaneInAnyOrder(t *testing.T) {
	t.Parallel()
	const orders = 24
	var spaces []string
	for i := range orders {
		spaces = append(spaces, fmt.Sprintf("order-%d", i))
	}
	s := newSite(t, binary(t), spaces...)
	p := s.start(t)
	for i, space := range spaces {
		random := rand.New(rand.NewPCG(uint64(i), 1))
		lines := janeLines(t)
		switch i {
		case 0:
			slices.Reverse(lines)
		default:
			random.Shuffle(len(lines), func(a, b int) { lines[a], lines[b] = lines[b], lines[a] })
		}
		for len(lines) > 0 {
			n := min(1+random.IntN(9), len(lines))
			p.send(t, space, "/v1/batch", batch(lines[:n]...))
			lines = lines[n:]
		}
	}
	for _, space := range spaces {
		p.settled(t, space)
		isJane(t, p, space)
	}
	p.stop(t)
	s.verify(t, spaces...)
}
