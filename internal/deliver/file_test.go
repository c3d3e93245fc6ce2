package deliver_test

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/deliver/file"
)

func withFiles(dir string) func(*deliver.Config) {
	return func(c *deliver.Config) {
		c.Dir = dir
		c.Kinds = map[string]deliver.Kind{"file": file.Kind{}}
	}
}

// linesIn reads all files of a directory, in the order of their names.
func linesIn(t *testing.T, dir string) (files int, lines []string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return len(names), lines
}

func describedAll(lines []string) (out []string) {
	for _, l := range lines {
		out = append(out, described([]byte(l)))
	}
	return out
}

const fileDocument = "destinations: {log: {type: file, send: {audiences: all, traits: all}, file: {path: out%s}}}"

func TestAFileHasALineForEachMessage(t *testing.T) {
	dir := t.TempDir()
	r := start(t, withFiles(dir))
	r.apply(t, fmt.Sprintf(fileDocument, ""))
	r.world.Create(deliver.User(1))
	r.set(deliver.User(1), "vip", 1)
	r.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 1 })
	r.set(deliver.User(1), "orders", 3)
	r.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 2 })
	r.drained(t)
	at := filepath.Join(dir, "test", "out")
	files, lines := linesIn(t, at)
	if want := []string{"audience.entered u1 vip", "trait.set u1 orders 3"}; files != 1 || !slices.Equal(describedAll(lines), want) {
		t.Fatalf("%d files, %q", files, lines)
	}
	// A line that a crash left unfinished is taken away.
	names, _ := filepath.Glob(filepath.Join(at, "*.ndjson"))
	f, err := os.OpenFile(names[0], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"type":"audi`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	r.set(deliver.User(1), "vip", 0)
	r.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 3 })
	files, lines = linesIn(t, at)
	if want := []string{"audience.entered u1 vip", "trait.set u1 orders 3", "audience.exited u1 vip"}; files != 1 || !slices.Equal(describedAll(lines), want) {
		t.Errorf("%d files, %q", files, lines)
	}
}

// Somebody moves the file away while it is written: what follows begins another.
func TestAFileThatIsTakenAway(t *testing.T) {
	dir := t.TempDir()
	r := start(t, withFiles(dir))
	r.apply(t, fmt.Sprintf(fileDocument, ""))
	r.world.Create(deliver.User(1))
	r.set(deliver.User(1), "vip", 1)
	r.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 1 })
	at := filepath.Join(dir, "test", "out")
	names, _ := filepath.Glob(filepath.Join(at, "*.ndjson"))
	if err := os.Rename(names[0], filepath.Join(dir, "taken")); err != nil {
		t.Fatal(err)
	}
	r.set(deliver.User(1), "orders", 3)
	r.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 2 })
	if files, lines := linesIn(t, at); files != 1 || !slices.Equal(describedAll(lines), []string{"trait.set u1 orders 3"}) {
		t.Errorf("%d files, %q", files, lines)
	}
}

func TestFilesAreRotated(t *testing.T) {
	dir := t.TempDir()
	r := start(t, withFiles(dir))
	r.apply(t, fmt.Sprintf(fileDocument, ", size_mb: 1, format: segment"))
	long := strings.Repeat("x", 1000)
	for n := range 2000 {
		id := deliver.Identifier{Type: "user_id", Value: fmt.Sprintf("%s%d", long, n)}
		r.world.Create(id)
		r.world.Set(id, "vip", 1)
	}
	r.Wake()
	r.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 2000 })
	if files, lines := linesIn(t, filepath.Join(dir, "test", "out")); files < 2 || len(lines) != 2000 {
		t.Errorf("%d files, %d lines", files, len(lines))
	}
}

func TestADirectoryThatCannotBeWrittenLosesNothing(t *testing.T) {
	dir := t.TempDir()
	blocked := filepath.Join(dir, "test")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil { // a file where the directory should be
		t.Fatal(err)
	}
	r := start(t, withFiles(dir))
	r.apply(t, fmt.Sprintf(fileDocument, ""))
	r.world.Create(deliver.User(1))
	r.set(deliver.User(1), "vip", 1)
	r.until(t, func(s *deliver.Status) bool {
		return s.Counts.LastReason == "the file cannot be written" && s.Queued == 1
	})
	if err := os.Remove(blocked); err != nil {
		t.Fatal(err)
	}
	r.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 1 })
}

func TestPathsStayBelowTheirDirectory(t *testing.T) {
	r := start(t, withFiles(t.TempDir()))
	for _, path := range []string{"../x", "/etc", "a/../../b", `..\x`} {
		_, err := r.ApplyDestinations(t.Context(), []byte(strings.Replace(fmt.Sprintf(fileDocument, ""), "path: out", fmt.Sprintf("path: %q", path), 1)))
		if !errors.Is(err, deliver.ErrInvalid) || !strings.Contains(err.Error(), "destinations.log.file.path") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// bucket is S3-compatible storage as far as one PUT goes: a fake, for there is none in
// the tests' surroundings.
type bucket struct {
	*httptest.Server
	mu      sync.Mutex
	objects map[string][]string
	status  int
}

func newBucket(t *testing.T) *bucket {
	b := &bucket{objects: map[string][]string{}}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=key/") {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		if b.status != 0 {
			w.WriteHeader(b.status)
			_, _ = io.WriteString(w, `<Error><Code>SlowDown</Code></Error>`)
			return
		}
		if r.Method != http.MethodPut {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		body := io.Reader(r.Body)
		if strings.Contains(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING") {
			body = chunks(r.Body)
		}
		z, err := gzip.NewReader(body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		text, err := io.ReadAll(z)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		b.objects[r.URL.Path] = strings.Split(strings.TrimSpace(string(text)), "\n")
		w.Header().Set("ETag", `"1"`)
	}))
	t.Cleanup(b.Close)
	return b
}

// chunks reads the chunked encoding of signed uploads: size;signature, then the bytes.
func chunks(r io.Reader) io.Reader {
	all, _ := io.ReadAll(r)
	var out []byte
	for len(all) > 0 {
		head, rest, _ := strings.Cut(string(all), "\r\n")
		n := 0
		if _, err := fmt.Sscanf(head, "%x", &n); err != nil || n == 0 {
			break
		}
		out = append(out, rest[:n]...)
		all = []byte(rest[n+2:])
	}
	return strings.NewReader(string(out))
}

func (b *bucket) messages() (objects int, lines []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.objects {
		lines = append(lines, l...)
	}
	return len(b.objects), lines
}

func TestObjectsOfS3(t *testing.T) {
	b := newBucket(t)
	r := start(t, withFiles(""))
	r.apply(t, fmt.Sprintf(`
destinations:
  lake:
    type: file
    send: {audiences: all, traits: all}
    file: {s3: {endpoint: %q, bucket: events, region: eu-1, prefix: selfsame, access_key: key, secret_key: hush, every: 1s}}
`, b.URL))
	for n := 1; n <= 5; n++ {
		r.world.Create(deliver.User(n))
		r.world.Set(deliver.User(n), "vip", 1)
		r.world.Set(deliver.User(n), "orders", 1)
	}
	r.Wake()
	r.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 10 })
	objects, lines := b.messages()
	if objects != 1 || len(lines) != 10 {
		t.Errorf("%d objects, %q", objects, lines)
	}
	for name := range b.objects {
		if !strings.HasPrefix(name, "/events/selfsame/20") || !strings.Contains(name, "/lake-") || !strings.HasSuffix(name, ".ndjson.gz") {
			t.Errorf("the object %s", name)
		}
	}
	b.mu.Lock()
	b.status = http.StatusServiceUnavailable
	b.mu.Unlock()
	r.set(deliver.User(1), "vip", 0)
	r.until(t, func(s *deliver.Status) bool { return strings.Contains(s.Counts.LastReason, "SlowDown") })
	b.mu.Lock()
	b.status = 0
	b.mu.Unlock()
	r.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 11 && s.Queued == 0 })
}
