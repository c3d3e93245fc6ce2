package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/selfsame-id/selfsame/internal/deliver"
)

// writer writes files of this machine. A message is delivered when it is on the disk.
type writer struct {
	*settings
	env deliver.Environment
	dir string

	mu   sync.Mutex
	file *os.File
	size int64
	born time.Time
}

// stamp is the time in the name of a file, in UTC.
const stamp = "20060102T150405.000000000Z"

// Send implements deliver.Sender. A batch is written as a whole or not at all.
func (w *writer) Send(_ context.Context, batch []deliver.Message) []deliver.Outcome {
	lines, out := encode(w.settings, w.env.Space, batch)
	if len(lines) == 0 {
		return out
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.write(lines)
	for i := range out {
		if out[i].Result == deliver.Delivered && err != nil {
			out[i] = deliver.Outcome{Result: deliver.Retry, Reason: explain(err), Trouble: true, NotTaken: true}
		}
	}
	if err != nil {
		w.env.Log.Warn("a file of a destination cannot be written", "space", w.env.Space, "destination", w.env.Destination, "error", err)
	}
	return out
}

// encode makes lines of messages. Those of which none can be made are refused.
func encode(s *settings, space string, batch []deliver.Message) (lines []byte, out []deliver.Outcome) {
	out = make([]deliver.Outcome, len(batch))
	for i := range batch {
		line, err := s.format(space, &batch[i])
		if err != nil {
			out[i] = deliver.Outcome{Result: deliver.Refused, Reason: "the message cannot be written as JSON"}
			continue
		}
		out[i].Result = deliver.Delivered
		lines = append(append(lines, line...), '\n')
	}
	return lines, out
}

func explain(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "there is no space left on the disk"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return "the directory cannot be written"
	}
	return "the file cannot be written"
}

// write appends lines and waits until they are on the disk. The caller holds mu.
func (w *writer) write(lines []byte) error {
	now := w.env.Now()
	if w.file != nil && (w.size >= w.settings.size || now.Sub(w.born) >= w.every || !w.untouched()) {
		if err := w.close(); err != nil {
			return err
		}
	}
	if w.file == nil {
		if err := w.open(now); err != nil {
			return err
		}
	}
	n, err := w.file.Write(lines)
	if err == nil {
		err = w.file.Sync()
	}
	if err != nil {
		// What was written of the batch is taken back: it will be tried again.
		return errors.Join(err, w.file.Truncate(w.size), w.close())
	}
	w.size += int64(n)
	return nil
}

// untouched reports whether the file is where it was, with what was written to it.
func (w *writer) untouched() bool {
	there, err := os.Stat(w.file.Name())
	if err != nil || there.Size() != w.size {
		return false
	}
	ours, err := w.file.Stat()
	return err == nil && os.SameFile(ours, there)
}

// open goes on in the newest file of the destination, unless it is full or old.
func (w *writer) open(now time.Time) error {
	if err := os.MkdirAll(w.dir, 0o750); err != nil {
		return err
	}
	prefix := w.env.Destination + "-"
	names, err := filepath.Glob(filepath.Join(w.dir, prefix+"*.ndjson"))
	if err != nil {
		return err
	}
	sort.Strings(names)
	if len(names) > 0 {
		last := names[len(names)-1]
		born, err := time.Parse(stamp, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(last), prefix), ".ndjson"))
		if err == nil && now.Sub(born) < w.every {
			size, err := cut(last)
			if err != nil {
				return err
			}
			if size < w.settings.size {
				return w.use(last, size, born)
			}
		}
	}
	return w.use(filepath.Join(w.dir, prefix+now.UTC().Format(stamp)+".ndjson"), 0, now)
}

func (w *writer) use(name string, size int64, born time.Time) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640) //nolint:gosec // below the directory of the destinations
	if err != nil {
		return err
	}
	w.file, w.size, w.born = f, size, born
	return syncDir(w.dir)
}

// cut takes a line away from the end of a file that was not written to its end, and
// returns the size of the rest.
func cut(name string) (int64, error) {
	f, err := os.OpenFile(name, os.O_RDWR, 0) //nolint:gosec // a file of ours
	if err != nil {
		return 0, err
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	for size := end; size > 0; {
		b := make([]byte, min(size, 64<<10))
		if _, err := f.ReadAt(b, size-int64(len(b))); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
			size += int64(i+1) - int64(len(b))
			if size < end {
				return size, f.Truncate(size)
			}
			return size, nil
		}
		size -= int64(len(b))
	}
	return 0, f.Truncate(0)
}

func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // a directory of ours
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// close ends the file. The caller holds mu.
func (w *writer) close() error {
	f := w.file
	w.file = nil
	if f == nil {
		return nil
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}

// Close implements deliver.Sender.
func (w *writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.close()
}
