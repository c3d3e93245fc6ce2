package pebblekv

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"github.com/selfsame-id/selfsame/internal/kv"
)

func TestLockedInProcess(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, testOptions(nil))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, testOptions(nil))
	if !errors.Is(err, kv.ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("second Open: %v, want ErrLocked that names %s", err, dir)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(dir, testOptions(nil)); err != nil {
		t.Fatalf("after Close: %v", err)
	}
	s.Close()
}

const holdEnv = "PEBBLEKV_TEST_HOLD"

// TestMain lets the test binary be the other process that holds a directory.
func TestMain(m *testing.M) {
	dir := os.Getenv(holdEnv)
	if dir == "" {
		os.Exit(m.Run())
	}
	s, err := Open(dir, testOptions(nil))
	if err != nil {
		os.Stdout.WriteString(err.Error())
		os.Exit(1)
	}
	os.Stdout.WriteString("held")
	io.Copy(io.Discard, os.Stdin) // until the test closes it
	s.Close()
	os.Exit(0)
}

func TestLockedByProcess(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holdEnv+"="+dir)
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 4)
	if _, err := io.ReadFull(out, said); err != nil || string(said) != "held" {
		t.Fatalf("the other process says %q: %v", said, err)
	}
	_, err := Open(dir, testOptions(nil))
	if !errors.Is(err, kv.ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("Open: %v, want ErrLocked that names %s", err, dir)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir, testOptions(nil))
	if err != nil {
		t.Fatalf("after the other process: %v", err)
	}
	s.Close()
}

func TestNotADirectory(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(file, testOptions(nil))
	if err == nil || errors.Is(err, kv.ErrLocked) || !strings.Contains(err.Error(), file) {
		t.Errorf("Open of a file: %v", err)
	}
}

func TestTooNew(t *testing.T) {
	fs := vfs.NewMem()
	open(t, fs).Close()
	m, _, err := atomicfs.LocateMarker(fs, "data", "format-version")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Move("999"); err != nil {
		t.Fatal(err)
	}
	m.Close()
	if _, err := Open("data", testOptions(fs)); !errors.Is(err, kv.ErrTooNew) {
		t.Errorf("Open: %v, want ErrTooNew", err)
	}
}

const damageEntries = 120

// TestDamage damages one file of each kind in turn. The store must say so at
// opening or at the first read that meets it.
func TestDamage(t *testing.T) {
	for _, kind := range []string{".sst", ".blob", ".log", "MANIFEST-"} {
		for _, how := range []string{"flip", "cut", "remove"} {
			t.Run(strings.Trim(kind, ".-")+" "+how, func(t *testing.T) {
				fs := vfs.NewMem()
				s := open(t, fs)
				w := newWriter(s)
				for i := range damageEntries {
					if err := w.write(20 + i%3*5000); err != nil {
						t.Fatal(err)
					}
					if i == damageEntries/3 {
						if err := s.db.Flush(); err != nil {
							t.Fatal(err)
						}
					}
				}
				s.Close()
				if !damage(t, fs, kind, how) {
					t.Fatalf("no file %s to damage", kind)
				}
				err := readAll(t, fs)
				switch {
				case errors.Is(err, kv.ErrCorrupt):
				case errors.Is(err, kv.ErrIncomplete) && how == "remove":
				case err == nil && kind == ".log":
					// A store that was closed in order has nothing in its logs.
				default:
					t.Errorf("%v, want ErrCorrupt", err)
				}
			})
		}
	}
}

func damage(t *testing.T, fs vfs.FS, kind, how string) bool {
	t.Helper()
	names, err := fs.List("data")
	if err != nil {
		t.Fatal(err)
	}
	done := false
	for _, name := range names {
		if !strings.Contains(name, kind) || strings.HasPrefix(name, "marker") {
			continue
		}
		path := fs.PathJoin("data", name)
		f, err := fs.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if len(data) < 100 {
			continue
		}
		done = true
		if how == "remove" {
			if err := fs.Remove(path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if how == "flip" {
			for i := len(data) / 4; i < len(data)/4+max(len(data)/20, 20); i++ {
				data[i] ^= 0x5a
			}
		} else {
			data = data[:len(data)/2]
		}
		out, err := fs.Create(path, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write(data); err != nil {
			t.Fatal(err)
		}
		out.Sync()
		out.Close()
	}
	return done
}

// readAll opens the store and reads all of it.
func readAll(t *testing.T, fs vfs.FS) error {
	o := testOptions(fs)
	s, err := Open("data", o)
	if err != nil {
		return err
	}
	defer s.Close()
	r, err := s.Snapshot(context.Background())
	if err != nil {
		return err
	}
	defer r.Close()
	entries, err := r.Scan(context.Background(), nil, nil, 1000, false)
	if err == nil && len(entries) != damageEntries {
		t.Errorf("%d of %d entries are left, and nothing was said", len(entries), damageEntries)
	}
	return err
}
