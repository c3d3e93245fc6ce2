package pebblekv

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// What the store holds is about people: nobody but its owner may read it,
// whatever the umask is.
const (
	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600
)

// private returns fsys so that files it makes belong to their owner alone. Only
// the operating system's file system has owners.
func private(fsys vfs.FS) vfs.FS {
	if fsys != vfs.Default {
		return fsys
	}
	return privateFS{fsys}
}

type privateFS struct{ vfs.FS }

func (p privateFS) Unwrap() vfs.FS { return p.FS }

func (p privateFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := p.FS.Create(name, c)
	return ownersOnly(name, f, err)
}

func (p privateFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := p.FS.OpenReadWrite(name, c, o...)
	return ownersOnly(name, f, err)
}

func (p privateFS) Lock(name string) (io.Closer, error) {
	l, err := p.FS.Lock(name)
	if err == nil {
		tighten(name, fileMode)
	}
	return l, err
}

func ownersOnly(name string, f vfs.File, err error) (vfs.File, error) {
	if err == nil {
		tighten(name, fileMode)
	}
	return f, err
}

// tighten takes from a file or directory the rights of others. Where the system
// refuses that, as for what another user owns, the directory above has to do.
func tighten(path string, mode fs.FileMode) { _ = os.Chmod(path, mode) }

// tightenAll makes a store's directory and what is in it private, for what was
// made or put back under other rights. It returns what could not be changed.
func tightenAll(dir string) error {
	var wrong []error
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		want := fileMode
		if d.IsDir() {
			want = dirMode
		} else if !d.Type().IsRegular() {
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || info.Mode().Perm()&0o077 == 0 {
			return err
		}
		if err := os.Chmod(path, want); err != nil && len(wrong) == 0 {
			wrong = append(wrong, err) // one is enough to say
		}
		return nil
	})
	return errors.Join(append(wrong, err)...)
}
