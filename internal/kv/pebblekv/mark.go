package pebblekv

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// markFile says how far the store's files are known to reach. The engine takes a
// log that ends early, or is not there, for one whose end was never written: it
// cannot know better. Whoever answered commits has to.
//
// The file has two places that are written in turn, so that one is always whole.
const (
	markFile = "MARK"
	markSize = 4096 // of a place
	mostLogs = 16
)

// mark is what the file says. Everything it counts was durable before it was
// written.
type mark struct {
	Generation uint64 `json:"generation"`
	// Clean: the store was closed in order. Nothing is in its logs, and its
	// manifest is as long as ManifestBytes and has the digest ManifestSum.
	Clean bool `json:"clean"`

	Commits uint64    `json:"commits"` // with writes, in the life of the store
	Units   uint64    `json:"units"`   // what their batches count; see kv.Batch.Units
	Seq     uint64    `json:"seq"`     // of the engine, after the last of them
	Logs    []logMark `json:"logs"`    // the newest ones, ascending; the last commit is in the last one
	At      time.Time `json:"at"`      // of the last commit, or of the opening or closing

	Manifest      string `json:"manifest"`
	ManifestBytes int64  `json:"manifest_bytes"`
	ManifestSum   string `json:"manifest_sum,omitempty"`
}

// logMark is a log that commits went to.
type logMark struct {
	Number uint64 `json:"number"`
	// Commits and Units are what there was before its first commit.
	Commits uint64 `json:"commits"`
	Units   uint64 `json:"units"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode makes one place of the file.
func (m *mark) encode() ([]byte, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if len(text)+8 > markSize {
		return nil, fmt.Errorf("a mark of %d bytes", len(text))
	}
	b := make([]byte, markSize)
	binary.LittleEndian.PutUint32(b, crc32.Checksum(text, castagnoli))
	binary.LittleEndian.PutUint32(b[4:], uint32(len(text)))
	copy(b[8:], text)
	return b, nil
}

// decodeMark reads one place; nil if it is not whole.
func decodeMark(b []byte) *mark {
	if len(b) < 8 {
		return nil
	}
	n := binary.LittleEndian.Uint32(b[4:])
	if uint64(n) > uint64(len(b)-8) {
		return nil
	}
	text := b[8 : 8+n]
	m := &mark{}
	if crc32.Checksum(text, castagnoli) != binary.LittleEndian.Uint32(b) || json.Unmarshal(text, m) != nil || len(m.Logs) > mostLogs {
		return nil
	}
	return m
}

// marks reads and writes the file.
type marks struct {
	file vfs.File
	last mark // as it was written
}

// openMarks opens the file, making it if there is none. known is false where it
// says nothing.
func openMarks(fsys vfs.FS, dir string) (m *marks, known bool, err error) {
	path := fsys.PathJoin(dir, markFile)
	_, err = fsys.Stat(path)
	made := errors.Is(err, fs.ErrNotExist)
	if err != nil && !made {
		return nil, false, err
	}
	file, err := fsys.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, false, err
	}
	m = &marks{file: file}
	if made {
		// All of it at once: later there may be no room. Then its name must last.
		if _, err = file.WriteAt(make([]byte, 2*markSize), 0); err == nil {
			if err = file.Sync(); err == nil {
				err = syncDir(fsys, dir)
			}
		}
		if err != nil {
			return nil, false, errors.Join(err, file.Close(), fsys.Remove(path))
		}
		return m, false, nil
	}
	b := make([]byte, markSize)
	for place := range int64(2) {
		if _, err := file.ReadAt(b, place*markSize); err != nil {
			continue
		}
		if one := decodeMark(b); one != nil && (!known || one.Generation > m.last.Generation) {
			m.last, known = *one, true
		}
	}
	return m, known, nil
}

func syncDir(fsys vfs.FS, dir string) error {
	d, err := fsys.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// write makes m the mark; it is durable when write returns.
func (m *marks) write(next mark) error {
	next.Generation = m.last.Generation + 1
	b, err := next.encode()
	if err != nil {
		return err
	}
	if _, err := m.file.WriteAt(b, int64(next.Generation%2)*markSize); err != nil {
		return err
	}
	if err := m.file.SyncData(); err != nil {
		return err
	}
	m.last = next
	return nil
}
