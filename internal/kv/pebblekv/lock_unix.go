//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package pebblekv

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// lockDirectory locks a directory until the closer is closed or the process
// ends. errNoDirectoryLock where that cannot be done, as on some network file
// systems.
func lockDirectory(dir string) (io.Closer, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, inUse(err)
	}
	return nil, fmt.Errorf("%w: %w", errNoDirectoryLock, err)
}
