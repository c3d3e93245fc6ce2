package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// shown is a command of README.md and the output that is shown below it.
type shown struct {
	line    int
	command string
	output  []string
}

// walk reads the commands that are shown in some sections of README.md, in order.
func walk(t *testing.T, sections ...string) (out []shown) {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	inside, blank := false, 0
	for i, line := range strings.Split(string(text), "\n") {
		block, isBlock := strings.CutPrefix(line, "    ")
		switch command, isCommand := strings.CutPrefix(block, "$ "); {
		case strings.HasPrefix(line, "## "):
			inside = false
			for _, s := range sections {
				inside = inside || line == "## "+s
			}
		case !inside:
		case line == "":
			blank++
			continue
		case isBlock && isCommand:
			out = append(out, shown{line: i + 1, command: command})
		case isBlock && len(out) > 0:
			last := &out[len(out)-1]
			for ; blank > 0 && len(last.output) > 0; blank-- {
				last.output = append(last.output, "")
			}
			last.output = append(last.output, block)
		}
		blank = 0
	}
	return out
}

var (
	profileIDs = regexp.MustCompile(`(?:use|acc)_[0-9A-Za-z]{27}`)
	// masks are what differs from one walk to the next: the times of now, which the
	// example's are not, and how long something took.
	masks = []struct{ what, like *regexp.Regexp }{
		{regexp.MustCompile(`20[2-9]\d-\d\d-\d\d \d\d:\d\d:\d\d UTC`), regexp.MustCompile(`20[2-9]\d-\d\d-\d\d \d\d:\d\d:\d\d UTC`)},
		{regexp.MustCompile(`in \d[\d.]* m?s\b`), regexp.MustCompile(`in \d[\d.]* m?s\b`)},
		{regexp.MustCompile(`…`), regexp.MustCompile(`.+`)},
	}
)

// matcher compares lines, and knows which profile ID of README.md is which.
type matcher struct{ real, shown map[string]string }

// line compares one line.
func (m *matcher) line(want, got string) bool {
	pattern := regexp.QuoteMeta(want)
	for _, mask := range masks {
		pattern = mask.what.ReplaceAllLiteralString(pattern, mask.like.String())
	}
	ids := profileIDs.FindAllString(want, -1)
	pattern = profileIDs.ReplaceAllLiteralString(pattern, "("+profileIDs.String()+")")
	found := regexp.MustCompile("^" + pattern + "$").FindStringSubmatch(got)
	if found == nil {
		return false
	}
	for i, id := range ids {
		real := found[i+1]
		if known := m.real[id]; known != "" && known != real || known == "" && m.shown[real] != "" {
			return false
		}
		m.real[id], m.shown[real] = real, id
	}
	return true
}

// lines compares an output; a line of … stands for any number of lines.
func (m *matcher) lines(want, got []string) bool {
	if len(want) == 0 {
		return len(got) == 0
	}
	if strings.TrimSpace(want[0]) == "…" {
		for n := 1; n <= len(got); n++ {
			if m.lines(want[1:], got[n:]) {
				return true
			}
		}
		return false
	}
	return len(got) > 0 && m.line(want[0], got[0]) && m.lines(want[1:], got[1:])
}

// What README.md shows is what a reader sees who types it.
func TestREADMEIsTrue(t *testing.T) {
	t.Parallel()
	config, err := os.ReadFile("../../examples/selfsame.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := newSiteWith(t, binary(t), string(config))
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(s.binary, filepath.Join(dir, "bin", "selfsame")); err != nil {
		t.Fatal(err)
	}
	var p *server
	m := &matcher{map[string]string{}, map[string]string{}}
	env := os.Environ()
	commands := walk(t, "Five minutes with Jane", "Why, undo, and what if")
	if len(commands) < 12 || commands[0].command != "make run" {
		t.Fatalf("%d commands: %+v", len(commands), commands)
	}
	for _, c := range commands {
		name, value, _ := strings.Cut(strings.TrimPrefix(c.command, "export "), "=")
		want := strings.Join(c.output, "\n")
		code := 0
		var got string
		switch {
		case c.command == "make run": // as the Makefile has it
			got = s.mustRun(t, nil, "import", "--config", s.config, "--data", s.data, "--space", "dev", "--source", "segkicks", "../../examples/jane.ndjson")
			said, err := os.ReadFile("../../examples/where-to-look.txt")
			if err != nil {
				t.Fatal(err)
			}
			got += string(said)
			p = s.start(t)
			env = append(env, "SELFSAME_SERVER="+p.URL(""))
		case strings.HasPrefix(c.command, "export "):
			env = append(env, name+"="+value)
		default:
			// Nobody answers a question here, and that is said in its place.
			if asked := "Apply this? [y/N]"; strings.HasSuffix(want, asked) {
				want, code = strings.TrimSuffix(want, asked)+"note: nothing was changed; add --yes to go on without being asked", 1
			}
			text := strings.ReplaceAll(c.command, "curl ", "curl -sS ")
			text = strings.ReplaceAll(text, "127.0.0.1:8080", p.Addr)
			cmd := exec.CommandContext(t.Context(), "sh", "-c", text)
			cmd.Dir, cmd.Env = dir, env
			out, _ := cmd.CombinedOutput()
			if got = string(out); cmd.ProcessState.ExitCode() != code {
				t.Errorf("README.md:%d: %s: exit code %d\n%s", c.line, c.command, cmd.ProcessState.ExitCode(), got)
			}
			time.Sleep(10 * time.Millisecond) // a reader is slower: one event is of one millisecond
		}
		got = strings.TrimRight(got, "\n")
		if (want != "" || got != "") && !m.lines(strings.Split(want, "\n"), strings.Split(got, "\n")) {
			t.Errorf("README.md:%d: %s shows\n%s\nand prints\n%s", c.line, c.command, want, got)
		}
	}
}
