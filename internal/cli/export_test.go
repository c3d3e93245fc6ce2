package cli

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestExport(t *testing.T) {
	w := &world{t: t}
	dir := t.TempDir()
	data, again := filepath.Join(dir, "data"), filepath.Join(dir, "again")
	w.run(0, "import", "--data", data, "--config", settings, jane)

	out, told := w.run(0, "export", "profiles", "--data", data, "--columns", "email,firstName")
	w.contains(out, `{"id":"use_`, `"email":"janedoe@example.com","firstName":"Jane"}`)
	w.contains(told, "1 profile in ")
	file := filepath.Join(dir, "people.csv")
	_, told = w.run(0, "export", "profiles", "--data", data, "--columns", "firstName,user_id", "-o", file)
	w.contains(told, file+": 1 profile")
	text, err := os.ReadFile(file)
	if err != nil || !strings.HasPrefix(string(text), "id,firstName,user_id\r\nuse_") || !strings.HasSuffix(string(text), ",Jane,abc123def\r\n") {
		t.Errorf("%v: %s", err, text)
	}

	// What is no file stays what it is.
	pipe, read := filepath.Join(dir, "pipe"), make(chan string, 1)
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		text, _ := os.ReadFile(pipe)
		read <- string(text)
	}()
	w.run(0, "export", "profiles", "--data", data, "--columns", "firstName", "-o", pipe)
	w.contains(<-read, `"firstName":"Jane"`)
	if info, err := os.Lstat(pipe); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("the pipe has become %v, %v", info, err)
	}

	// What is exported can be imported, and is the same.
	events := filepath.Join(dir, "events.ndjson")
	w.run(0, "export", "events", "--data", data, "-o", events)
	w.run(0, "import", "--data", again, "--config", settings, events)
	first, _ := w.run(0, "export", "events", "--data", data)
	second, _ := w.run(0, "export", "events", "--data", again)
	if first != second || strings.Count(first, "\n") != 26 {
		t.Errorf("%s\nis not\n%s", second, first)
	}
	if out, _ := w.run(0, "export", "events", "--data", data, "--where", `event == "Order Completed"`, "--format", "csv"); strings.Count(out, "\r\n") != 3 {
		t.Errorf("%s", out)
	}

	_, told = w.run(2, "export", "profiles", "--data", data, "--where", "traits.plan ==")
	w.contains(told, "the filter")
	w.run(2, "export", "profiles", "--data", data, "--format", "xlsx")
	_, told = w.run(1, "export", "members", "--data", data, "--audience", "vip")
	w.contains(told, `audience "vip"`)
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}
