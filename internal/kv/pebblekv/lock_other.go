//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package pebblekv

import "io"

func lockDirectory(string) (io.Closer, error) { return nil, errNoDirectoryLock }
