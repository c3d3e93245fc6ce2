package pebblekv

import (
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// disk is a file system of a given size, for tests of what happens when it is
// full: a write beyond it gets ENOSPC. Sizes count what was written and not
// removed; overwriting counts twice, which does not matter here.
type disk struct {
	vfs.FS
	tellUsage bool // GetDiskUsage tells the truth; else it is not supported

	mu   sync.Mutex
	room int64
}

func (d *disk) add(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room += bytes
}

func (d *disk) left() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.room
}

func (d *disk) take(bytes int) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n = int(min(int64(bytes), max(d.room, 0)))
	d.room -= int64(n)
	return n
}

func (d *disk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.Create(name, c)
	return d.wrap(f, err)
}

func (d *disk) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.ReuseForWrite(old, name, c)
	return d.wrap(f, err)
}

func (d *disk) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := d.FS.OpenReadWrite(name, c, o...)
	return d.wrap(f, err)
}

func (d *disk) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &diskFile{f, d}, nil
}

func (d *disk) Remove(name string) error {
	st, err := d.FS.Stat(name)
	if err != nil {
		return err
	}
	if err := d.FS.Remove(name); err != nil {
		return err
	}
	d.add(st.Size())
	return nil
}

func (d *disk) GetDiskUsage(path string) (vfs.DiskUsage, error) {
	if !d.tellUsage {
		return vfs.DiskUsage{}, vfs.ErrUnsupported
	}
	return vfs.DiskUsage{AvailBytes: uint64(max(d.left(), 0))}, nil
}

type diskFile struct {
	vfs.File
	d *disk
}

func (f *diskFile) Write(p []byte) (int, error) {
	n := f.d.take(len(p))
	if n, err := f.File.Write(p[:n]); err != nil {
		return n, err
	}
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}
