package pebblekv

import (
	"errors"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// errNoDirectoryLock: the system or the file system cannot lock a directory.
var errNoDirectoryLock = errors.New("directories cannot be locked here")

// locks keep other processes out of a directory: the engine's lock on a file in
// it, and a lock on the directory itself. The file can be removed while a server
// runs, and whoever makes it again locks another file; the directory cannot be
// without its data.
type locks struct {
	file *pebble.Lock
	dir  io.Closer // nil where directories cannot be locked
}

// lockStore takes both locks or none. kv.ErrLocked if somebody has one.
func lockStore(dir string, fsys vfs.FS) (*locks, error) {
	l := &locks{}
	var err error
	if vfs.Root(fsys) == vfs.Default {
		l.dir, err = lockDirectory(dir)
		switch {
		case errors.Is(err, errNoDirectoryLock):
			l.dir = nil
		case err != nil:
			return nil, err
		}
	}
	if l.file, err = pebble.LockDirectory(dir, fsys); err != nil {
		return nil, errors.Join(lockError(err), l.closeDir())
	}
	return l, nil
}

func (l *locks) closeDir() error {
	if l.dir == nil {
		return nil
	}
	return l.dir.Close()
}

// Close gives the locks back. The store's files must be closed.
func (l *locks) Close() error { return errors.Join(l.file.Close(), l.closeDir()) }

// inUse is the error of a lock that is held elsewhere.
func inUse(err error) error { return fmt.Errorf("%w (%w)", kv.ErrLocked, err) }
