package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// zipped packs text with gzip.
func zipped(t testing.TB, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// table makes rows without IDs of their own, of 100 people in turn.
func table(from, to int, end string) []byte {
	var b bytes.Buffer
	b.WriteString("user_id,event,timestamp,n,remark" + end)
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, `u%d,Seen,%s,%d,"two, and ""three"""`+end, i%100, time.Unix(int64(1_500_000_000+i), 0).UTC().Format(time.RFC3339), i)
	}
	return b.Bytes()
}

// document makes a JSON array over many lines.
func document(from, to int) []byte {
	var b bytes.Buffer
	for i := from; i < to; i++ {
		b.WriteString(map[bool]string{true: "[\n", false: ",\n"}[i == from])
		fmt.Fprintf(&b, "  {\n    \"type\": \"track\",\n    \"event\": \"Seen\",\n    \"userId\": \"u%d\",\n    \"timestamp\": %q,\n    \"properties\": {\"n\": %d}\n  }",
			i%100, time.Unix(int64(1_500_000_000+i), 0).UTC().Format(time.RFC3339), i)
	}
	b.WriteString("\n]\n")
	return b.Bytes()
}

// An import that is killed at any moment goes on with the same command and counts
// everything once, in every form that a file can have: rows without IDs, ended by
// returns alone; a document that is not on lines; packed files; a directory of all.
func TestKilledImportsGoOn(t *testing.T) {
	t.Parallel()
	const events = 24_000
	dir := t.TempDir()
	put := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, text)
		return path
	}
	const third = events / 3
	put("all/a.csv", table(0, third, "\r"))
	put("all/b.json.gz", zipped(t, document(third, 2*third)))
	put("all/c.csv", table(2*third, events, "\r\n"))
	forms := map[string]string{
		"returns":   put("people.csv", table(0, events, "\r")),
		"document":  put("events.json", document(0, events)),
		"packed":    put("people.csv.gz", zipped(t, table(0, events, "\r"))),
		"directory": filepath.Join(dir, "all"),
	}
	var spaces []string
	for space := range forms {
		spaces = append(spaces, space)
	}
	s := newSite(t, binary(t), spaces...)
	s.start(t).stop(t) // makes the directory
	kills, resumed := 0, 0
	for space, path := range forms {
		args := []string{"import", path, "--config", s.config, "--data", s.data, "--space", space, "--source", "shop-" + space, "--json"}
		// How long a command takes to open the store now says when an import is at work.
		began := time.Now()
		s.mustRun(t, nil, "space", "list", "--config", s.config, "--data", s.data)
		opening := time.Since(began)
		for try := range 4 {
			ctx, cancel := context.WithTimeout(t.Context(), opening*time.Duration(3+2*try)/2)
			err := exec.CommandContext(ctx, s.binary, args...).Run() // killed when the time is over
			if cancel(); err == nil {
				break
			}
			kills++
		}
		var sum struct {
			Complete bool
			Refused  int
			Notes    []struct{ State string }
		}
		out := s.mustRun(t, nil, args...)
		if err := json.Unmarshal([]byte(out[strings.Index(out, "{"):strings.LastIndex(out, "}")+1]), &sum); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if !sum.Complete || sum.Refused > 0 {
			t.Errorf("%s: %s", space, out)
		}
		resumed += len(sum.Notes)
	}
	if kills == 0 || resumed == 0 {
		t.Errorf("%d kills, and %d files that were begun before: nothing was tested", kills, resumed)
	}
	t.Logf("%d kills, %d files that were begun before", kills, resumed)
	for _, space := range spaces {
		s.holds(t, space, events)
	}
	p := s.start(t)
	for _, space := range spaces {
		seen := map[string]int{}
		for _, e := range p.events(t, space, "user_id:u7") {
			seen[e.Timestamp]++
		}
		for i := 7; i < events; i += 100 {
			at := time.Unix(int64(1_500_000_000+i), 0).UTC().Format(time.RFC3339)
			if seen[at] != 1 {
				t.Fatalf("%s: %d events of u7 are of %s", space, seen[at], at)
			}
		}
	}
	p.stop(t)
}

// holds verifies a space of a directory that no server has open, and that so many
// events are in it.
func (s *site) holds(t testing.TB, space string, events int64) {
	t.Helper()
	out := s.mustRun(t, nil, "verify", "--config", s.config, "--data", s.data, "--space", space, "--json")
	var report struct{ Events int64 }
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.Events != events {
		t.Errorf("%s has %d events, want %d (%v)\n%s", space, report.Events, events, err, shortened(out))
	}
}

// The exit code says whether anything was taken, and the words say of what: into a
// directory and into a running server.
func TestWhatAnImportSaysAtItsEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := `{"type":"track","event":"Seen","userId":"u","messageId":"m%d"}` + "\n"
	n := 0
	event := func() string { n++; return fmt.Sprintf(good, n) }
	header := "user_id,event,timestamp\n"
	s := newSite(t, binary(t), "dir", "live")
	for _, space := range []string{"dir", "live"} {
		where := []string{"--data", s.data}
		var p *server
		if space == "live" {
			p = s.start(t)
			where = []string{"--server", p.URL("")}
		}
		stored := int64(0)
		for i, c := range []struct {
			name, text string
			code       int
			says       string
			stored     int64
			args       []string
		}{
			{"empty.ndjson", "", 1, "nothing was imported", 0, nil},
			{"blank.ndjson", "\n\n  \n", 1, "nothing was imported", 0, nil},
			{"mark.ndjson", "\ufeff", 1, "nothing was imported", 0, nil},
			{"empty.csv", "", 1, "nothing was imported", 0, nil},
			{"header.csv", header, 1, "header", 0, nil},
			{"returns.csv", strings.ReplaceAll(header, "\n", "\r"), 1, "header", 0, nil},
			{"blanks.csv", header + "\n,,\n", 1, "header", 0, nil},
			{"empty.json", "[]", 1, "nothing was imported", 0, nil},
			{"empty.gz", string(zipped(t, nil)), 1, "nothing was imported", 0, nil},
			{"header.csv.gz", string(zipped(t, []byte(header))), 1, "header", 0, nil},
			{"refused.ndjson", `{"type":"track","userId":"u"}` + "\n", 1, "missing_event", 0, nil},
			{"refused.csv", header + ",Seen,2020-01-01\n", 1, "missing_id", 0, nil},
			{"unclear.csv", header + "u,Seen,03/04/2024\n", 1, "--dates", 0, nil},
			{"dated.csv", header + "u,Seen,03/04/2024\n", 0, "Imported 1 event", 1, []string{"--dates", "DD/MM/YYYY"}},
			{"some.ndjson", `{"type":"track","userId":"u"}` + "\n" + event(), 0, "missing_event", 1, nil},
			{"good.ndjson", event() + event(), 0, "Imported 2 events", 2, nil},
			{"usage.ndjson", event(), 2, "--dedupe", 0, []string{"--dedupe", "never"}},
			{"order.csv", header + "u,Seen,03/04/2024\n", 2, "--dates", 0, []string{"--dates", "YYYY"}},
		} {
			path := filepath.Join(dir, fmt.Sprintf("%s-%d-%s", space, i, c.name))
			writeFile(t, path, []byte(c.text))
			args := append([]string{"import", path, "--config", s.config, "--space", space, "--source", "shop-" + space}, where...)
			args = append(args, c.args...)
			out, code := s.run(t, nil, args...)
			if code != c.code || !strings.Contains(out, c.says) || c.stored == 0 && strings.Contains(out, "is stored") {
				t.Errorf("%s of %s: exit code %d, want %d and %q:\n%s", c.name, space, code, c.code, c.says, out)
			}
			stored += c.stored
			if c.code == 0 { // once more: it is there, and nothing went wrong
				if out, code := s.run(t, nil, args...); code != 0 {
					t.Errorf("%s of %s, again: exit code %d:\n%s", c.name, space, code, out)
				}
			}
			// The same for programs.
			out, code = s.run(t, nil, append(args, "--json")...)
			if code != c.code || c.code != 2 && !strings.Contains(out, `"refusals": [`) {
				t.Errorf("%s of %s, as JSON: exit code %d:\n%s", c.name, space, code, out)
			}
		}
		for _, args := range [][]string{{filepath.Join(dir, "nowhere.csv")}, {t.TempDir()}} {
			if out, code := s.run(t, nil, append(append([]string{"import", "--config", s.config, "--space", space, "--source", "shop-" + space}, where...), args...)...); code == 0 || strings.Contains(out, "goroutine ") {
				t.Errorf("%v: exit code %d:\n%s", args, code, out)
			}
		}
		if p != nil {
			p.stop(t)
		}
		s.holds(t, space, stored)
	}
}
