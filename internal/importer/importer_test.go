package importer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/rejects"
)

// model is a target that keeps what it is given.
type model struct {
	marks   map[string][]byte
	bodies  []string
	ids     []string
	seen    map[string]bool
	rejects []rejects.Reject
	before  func(n int) error // called before the nth delivery
	n       int
}

func newModel() *model { return &model{marks: map[string][]byte{}, seen: map[string]bool{}} }

func (m *model) Mark(_ context.Context, name string) ([]byte, error) { return m.marks[name], nil }

func (m *model) Ingest(_ context.Context, d space.Delivery) (r space.Receipt, err error) {
	m.n++
	if m.before != nil {
		if err := m.before(m.n); err != nil {
			return r, err
		}
	}
	for _, msg := range d.Messages {
		if m.seen[msg.MessageID] {
			r.Repeats++
			continue
		}
		m.seen[strings.Clone(msg.MessageID)] = true
		m.bodies = append(m.bodies, string(msg.Body)) // copied
		m.ids = append(m.ids, strings.Clone(msg.MessageID))
		r.Stored++
	}
	m.rejects = append(m.rejects, d.Rejects...)
	m.marks[d.Mark.Name] = d.Mark.Value
	return r, nil
}

// small makes blocks of a few lines.
const small = 512

var errStop = errors.New("stop")

func importer(m Target) *Import {
	return New(m, Options{Source: "web", Workers: 3, block: small, Now: func() time.Time { return time.Unix(1_600_000_000, 0) }})
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func input(t *testing.T, path string) *Input {
	t.Helper()
	in, err := Open(path, Reading{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func run(t *testing.T, im *Import, inputs ...*Input) Summary {
	t.Helper()
	if err := im.Run(context.Background(), inputs); err != nil {
		t.Fatal(err)
	}
	return im.Summary()
}

// lines makes n events, each with an ID, and the bodies to expect.
func lines(n int) (content string, bodies []string) {
	for i := range n {
		body := fmt.Sprintf(`{"type":"track","event":"E","userId":"u%d","messageId":"m%d"}`, i%7, i)
		bodies = append(bodies, body)
		content += body + "\n"
	}
	return content, bodies
}

func gzipped(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zstandard(t *testing.T, s string) string {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(w.EncodeAll([]byte(s), nil))
}

func TestEveryLineInOrder(t *testing.T) {
	content, bodies := lines(200)
	for name, text := range map[string]string{
		"plain.ndjson":     content,
		"no-end.ndjson":    strings.TrimSuffix(content, "\n"),
		"windows.ndjson":   strings.ReplaceAll(content, "\n", "\r\n"),
		"blank.ndjson":     "\n" + strings.ReplaceAll(content, "\n", "\n  \n"),
		"bom.ndjson":       "\xef\xbb\xbf" + content,
		"packed.ndjson.gz": gzipped(t, content),
		"packed.zst":       zstandard(t, content),
		"twice.gz":         gzipped(t, content[:300]) + gzipped(t, content[300:]),
	} {
		m := newModel()
		s := run(t, importer(m), input(t, write(t, name, text)))
		if !reflect.DeepEqual(m.bodies, bodies) {
			t.Errorf("%s: %d events arrived, not as they stand in the file", name, len(m.bodies))
		}
		if s.Events != 200 || s.Rejected() != 0 || s.Files != 1 || m.n < 5 {
			t.Errorf("%s: %+v in %d deliveries", name, s, m.n)
		}
	}
}

func TestBrokenLineCostsItself(t *testing.T) {
	content, _ := lines(3)
	long := `{"type":"track","event":"` + strings.Repeat("x", 3*small) + `"}`
	path := write(t, "f.ndjson", content+"{nonsense\n"+long+"\n"+`{"type":"track","userId":"u"}`+"\n"+`{"type":"track","event":"E","userId":"u"}`)
	m := newModel()
	s := run(t, importer(m), input(t, path))
	if s.Events != 4 || s.Rejected() != 3 {
		t.Fatalf("%+v", s)
	}
	for i, want := range []string{":4: ", ":5: ", ":6: "} {
		if r := m.rejects[i]; !strings.HasPrefix(r.Message, path+want) || r.Source != "web" || len(r.Body) == 0 {
			t.Errorf("reject %d: %+v", i, r)
		}
	}
	if id := m.ids[3]; !strings.HasPrefix(id, "import-") || !strings.HasSuffix(id, "-7") {
		t.Errorf("the event without an ID is called %s", id)
	}
}

func TestInterruptedAndRunAgain(t *testing.T) {
	content, bodies := lines(120)
	content = strings.ReplaceAll(content, `,"messageId":"m33"`, "") // one gets its ID here
	for _, name := range []string{"f.ndjson", "f.ndjson.gz"} {
		text := content
		if strings.HasSuffix(name, ".gz") {
			text = gzipped(t, content)
		}
		path := write(t, name, text)
		m := newModel()
		stopped := 0
		for done := false; !done; {
			// A commit that fails after it was half done does not count; then
			// everything is forgotten that a process forgets.
			at := m.n + 2
			m.before = func(n int) error {
				if n == at {
					return errors.New("the plug was pulled")
				}
				return nil
			}
			m.seen = map[string]bool{} // days later no messageId is remembered
			err := importer(m).Run(context.Background(), []*Input{input(t, path)})
			if done = err == nil; !done {
				stopped++
			}
		}
		if len(m.bodies) != len(bodies) || stopped < 5 {
			t.Fatalf("%s: %d events after %d interruptions", name, len(m.bodies), stopped)
		}
		for i, b := range m.bodies {
			if i != 33 && b != bodies[i] {
				t.Fatalf("%s: event %d is %s", name, i, b)
			}
		}
		// Under another name it is the same file.
		moved := write(t, "moved-"+name, text)
		s := run(t, importer(m), input(t, moved))
		if s.Events != 0 || len(s.Finished) != 1 || s.Finished[0].Events != 120 || s.Finished[0].Lines != 120 {
			t.Errorf("%s: run again: %+v", name, s)
		}
	}
}

func TestCancelledBetweenBatches(t *testing.T) {
	content, bodies := lines(200)
	path := write(t, "f.ndjson", content)
	m := newModel()
	ctx, cancel := context.WithCancel(context.Background())
	m.before = func(n int) error {
		if n == 3 {
			cancel() // in the middle of a commit, which is finished
		}
		return nil
	}
	err := importer(m).Run(ctx, []*Input{input(t, path)})
	if !errors.Is(err, context.Canceled) || len(m.bodies) == 0 || len(m.bodies) == len(bodies) {
		t.Fatalf("%d events, %v", len(m.bodies), err)
	}
	m.before = nil
	s := run(t, importer(m), input(t, path))
	if !reflect.DeepEqual(m.bodies, bodies) || len(s.Resumed) != 1 || s.Repeats != 0 {
		t.Errorf("%d events after the second run, %+v", len(m.bodies), s)
	}
}

func TestOverloadedTargetIsAskedAgain(t *testing.T) {
	content, bodies := lines(50)
	m := newModel()
	m.before = func(n int) error {
		if n%2 == 1 {
			return fmt.Errorf("just now: %w", space.ErrOverloaded)
		}
		return nil
	}
	run(t, importer(m), input(t, write(t, "f.ndjson", content)))
	if !reflect.DeepEqual(m.bodies, bodies) {
		t.Errorf("%d events", len(m.bodies))
	}
}

func TestStandardInputAgain(t *testing.T) {
	content, bodies := lines(60)
	m := newModel()
	open := func(text string) *Input {
		in, err := Open("-", Reading{}, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	run(t, importer(m), open(content))
	m.seen = map[string]bool{}
	s := run(t, importer(m), open(content))
	if s.Events != 0 || len(s.Finished) != 1 || !reflect.DeepEqual(m.bodies, bodies) {
		t.Errorf("the same again: %+v", s)
	}
}

func TestStandardInputGoesOnWhereItGrew(t *testing.T) {
	line := `{"type":"track","userId":"u","event":"` + strings.Repeat("x", 8000) + `"}` + "\n"
	long := strings.Repeat(line, headBytes/len(line)+20)
	m := newModel()
	for i, text := range []string{long, long + line + line, long + line + line} {
		in, err := Open("-", Reading{}, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		im := New(m, Options{Source: "web", block: 64 << 10})
		want := []int64{int64(headBytes/len(line) + 20), 2, 0}[i]
		if s := run(t, im, in); s.Events != want || s.Repeats != 0 {
			t.Errorf("run %d: %+v", i, s)
		}
	}
}

func TestDamagedArchive(t *testing.T) {
	content, _ := lines(5000)
	packed := gzipped(t, content)
	m := newModel()
	im := New(m, Options{Source: "web", block: 4096})
	err := im.Run(context.Background(), []*Input{input(t, write(t, "f.gz", packed[:len(packed)/2]))})
	if err == nil || !strings.Contains(err.Error(), "damaged after line") || len(m.bodies) < 1000 {
		t.Errorf("%d events, %v", len(m.bodies), err)
	}
}

func TestWhatIsNoEventsAtAll(t *testing.T) {
	m := newModel()
	path := write(t, "f.txt", strings.Repeat("To be, or not to be\n", 500))
	im := New(m, Options{Source: "web"})
	err := im.Run(context.Background(), []*Input{input(t, path)})
	if !errors.Is(err, ErrNoEvents) || m.n != 0 {
		t.Errorf("%v after %d deliveries", err, m.n)
	}
	if _, err := Open(t.TempDir(), Reading{}, nil); err == nil {
		t.Error("a directory is taken for a file")
	}
	if _, err := Open("nowhere", Reading{}, nil); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestEmptyFile(t *testing.T) {
	m := newModel()
	for _, text := range []string{"", "\n\n"} {
		if s := run(t, importer(m), input(t, write(t, "f.ndjson", text))); s.Files != 1 || s.Events != 0 {
			t.Errorf("%q: %+v", text, s)
		}
	}
}
