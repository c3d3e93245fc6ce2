package pebblekv

import (
	"context"
	"errors"
	"io"
	iofs "io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// contents are all files of a directory by name.
func contents(t *testing.T, fs vfs.FS, dir string) map[string]string {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range names {
		f, err := fs.Open(fs.PathJoin(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(f)
		_ = f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if name != "LOCK" {
			all[name] = string(text)
		}
	}
	return all
}

// A store without the files that name its data is refused and left as it is;
// when they are put back, everything is there.
func TestMissingNames(t *testing.T) {
	for _, kept := range []string{"log", "tables", "blobs"} {
		for _, missing := range []string{"marker.manifest.", "marker.format-version.", "MANIFEST-", "marker."} {
			if missing == "marker.format-version." && kept == "log" {
				continue // the engine writes that one last, so it may be missing
			}
			t.Run(kept+" without "+missing, func(t *testing.T) {
				fs := vfs.NewMem()
				s := open(t, fs)
				w := newWriter(s)
				for range 30 {
					if err := w.write(map[string]int{"log": 20, "tables": 20, "blobs": 5000}[kept]); err != nil {
						t.Fatal(err)
					}
				}
				if kept != "log" {
					if err := s.db.Flush(); err != nil {
						t.Fatal(err)
					}
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				before := contents(t, fs, "data")
				var removed []string
				for name := range before {
					if strings.HasPrefix(name, missing) {
						removed = append(removed, name)
						if err := fs.Remove(fs.PathJoin("data", name)); err != nil {
							t.Fatal(err)
						}
					}
				}
				if len(removed) == 0 {
					t.Fatal("there is nothing to remove")
				}
				for range 2 {
					_, err := Open("data", testOptions(fs))
					if !errors.Is(err, kv.ErrIncomplete) || !strings.Contains(err.Error(), "marker.") && !strings.Contains(err.Error(), "MANIFEST") {
						t.Fatalf("Open: %v, want ErrIncomplete that says what is missing", err)
					}
				}
				after := contents(t, fs, "data")
				for name, text := range before {
					if !slices.Contains(removed, name) && after[name] != text {
						t.Errorf("%s was changed by an Open that failed", name)
					}
				}
				for _, name := range removed {
					f, err := fs.Create(fs.PathJoin("data", name), vfs.WriteCategoryUnspecified)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := f.Write([]byte(before[name])); err != nil {
						t.Fatal(err)
					}
					_ = f.Close()
				}
				again := open(t, fs)
				defer again.Close()
				w.check(t, again)
			})
		}
	}
}

// A process that ends while it makes a store leaves one that can be made again.
func TestMakingBrokenOff(t *testing.T) {
	for last := range 40 {
		fs := vfs.NewCrashableMem()
		stop := &stopFS{FS: fs, left: last}
		ended := make(chan error, 2) // an error of the engine, or a fatal one, which holds its goroutine
		o := testOptions(stop)
		o.OnFatal = func(err error) { ended <- err }
		go func() {
			s, err := Open("data", o)
			if err == nil {
				err = s.Close()
			}
			ended <- err
		}()
		if err := <-ended; err == nil {
			if last < 3 {
				t.Errorf("a store was made with %d changes of files", last)
			}
			break
		}
		after := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, uint64(last)))})
		s, err := Open("data", testOptions(after))
		if err != nil {
			t.Fatalf("after %d changes of files: %v", last, err)
		}
		_ = s.Close()
	}
}

// stopFS fails from a number of changes on.
type stopFS struct {
	vfs.FS
	left int
}

var errStopped = errors.New("stopped")

func (s *stopFS) change() error {
	if s.left--; s.left < 0 {
		return errStopped
	}
	return nil
}

func (s *stopFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := s.change(); err != nil {
		return nil, err
	}
	return s.FS.Create(name, c)
}

func (s *stopFS) Rename(from, to string) error {
	if err := s.change(); err != nil {
		return err
	}
	return s.FS.Rename(from, to)
}

// Removing the lock file does not let a second store in.
func TestLockFileRemoved(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, testOptions(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, remake := range []bool{false, true} {
		if err := os.Remove(filepath.Join(dir, "LOCK")); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if remake {
			if err := os.WriteFile(filepath.Join(dir, "LOCK"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), holdEnv+"="+dir)
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), kv.ErrLocked.Error()) {
			t.Fatalf("another process opens the directory: %v, %q", err, out)
		}
	}
	var b kv.Batch
	b.Put([]byte("k"), []byte("v"))
	if err := s.Commit(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
}

// Nobody but the owner can read a store, under any umask, nor one that was made
// readable.
func TestPrivate(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	dir := filepath.Join(t.TempDir(), "data", "store")
	look := func() {
		t.Helper()
		for _, d := range []string{dir, filepath.Dir(dir)} {
			if info, err := os.Stat(d); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("%s: %v, %v", d, info.Mode(), err)
			}
		}
		files, err := os.ReadDir(dir)
		if err != nil || len(files) < 4 {
			t.Fatal(files, err)
		}
		for _, f := range files {
			info, err := f.Info()
			if errors.Is(err, iofs.ErrNotExist) {
				continue // the store removes what it has compacted
			}
			if err != nil {
				t.Error(err)
			} else if info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v", f.Name(), info.Mode())
			}
		}
	}
	s, err := Open(dir, testOptions(nil))
	if err != nil {
		t.Fatal(err)
	}
	w := newWriter(s)
	for range 20 {
		if err := w.write(2000); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.db.Flush(); err != nil {
		t.Fatal(err)
	}
	look()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		if err := os.Chmod(filepath.Join(dir, f.Name()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(dir, testOptions(nil)); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	look()
}
