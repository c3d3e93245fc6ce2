package pebblekv

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/batchrepr"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"
	"github.com/cockroachdb/pebble/v2/wal"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// Loss is what an opening found missing of what was answered before.
type Loss struct {
	Commits uint64    `json:"commits"` // at least; with writes
	Units   uint64    `json:"units"`   // at least; what the batches of these commits count
	After   time.Time `json:"after"`   // of the last commit before the gap; zero if it is not known
	Until   time.Time `json:"until"`   // when what is missing was last known to be there, or of the first commit after the gap
	Found   time.Time `json:"found"`   // when the store was opened without it
	Where   string    `json:"where"`   // which file is missing, cut or damaged
}

// survey looks at manifest and logs before the engine does, against the last
// mark. The engine drops the end of a log that it cannot read and goes on; after
// it has, nobody can tell. It changes nothing.
type survey struct {
	fs       vfs.FS
	dir      string
	last     mark
	known    bool // there is a mark
	flushed  uint64
	manifest string

	next  trailer         // of the last commit that was read; zero: none was
	based bool            // next is what the mark says of the time before the first log
	end   uint64          // sequence number after it
	torn  string          // where the newest log ends in what cannot be read; "": nowhere
	there map[uint64]bool // the logs
	lost  []Loss
	clock func() time.Time
}

// run returns kv.ErrCorrupt for a manifest that is not what it was.
func (v *survey) run() error {
	var err error
	if v.manifest, err = atomicfs.ReadMarker(v.fs, v.dir, "manifest"); err != nil || v.manifest == "" {
		return err // a new store
	}
	if err := v.readManifest(); err != nil {
		return err
	}
	if v.known && v.last.Clean {
		v.next = trailer{commit: v.last.Commits, units: v.last.Units, at: v.last.At}
		return nil // nothing is in the logs
	}
	return v.readLogs()
}

// readManifest compares the manifest with the mark, and finds the number of the
// first log that is not all in tables.
func (v *survey) readManifest() error {
	f, err := v.fs.Open(v.fs.PathJoin(v.dir, v.manifest))
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<40))
	if err != nil {
		return err
	}
	end := int64(0)
	rr := record.NewReader(bytes.NewReader(text), 0)
	for {
		r, err := rr.Next()
		if err != nil {
			break
		}
		edit, err := io.ReadAll(r)
		if err != nil {
			break
		}
		end = rr.Offset()
		if n, ok := firstLog(edit); ok {
			v.flushed = n
		}
	}
	switch {
	case !v.known:
	case v.last.Clean && v.manifest != v.last.Manifest:
		return fmt.Errorf("%w: its manifest is %s, and was %s when it was closed", kv.ErrCorrupt, v.manifest, v.last.Manifest)
	case v.last.Clean && (int64(len(text)) != v.last.ManifestBytes || digest(text) != v.last.ManifestSum):
		return fmt.Errorf("%w: %s is not what it was when the store was closed (%d bytes, then %d)", kv.ErrCorrupt, v.manifest, len(text), v.last.ManifestBytes)
	case !v.last.Clean && v.manifest == v.last.Manifest && end < v.last.ManifestBytes:
		return fmt.Errorf("%w: %s can be read up to byte %d, and was written up to byte %d at least", kv.ErrCorrupt, v.manifest, end, v.last.ManifestBytes)
	}
	return nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// firstLog reads from an edit of the manifest the number of the first log that
// is not all in tables. Edits begin with it, after the name of the order of keys.
func firstLog(edit []byte) (uint64, bool) {
	const tagComparer, tagFirstLog = 1, 2
	tag, n := binary.Uvarint(edit)
	if n > 0 && tag == tagComparer {
		size, m := binary.Uvarint(edit[n:])
		if m <= 0 || size > uint64(len(edit)-n-m) {
			return 0, false
		}
		edit = edit[n+m+int(size):]
		tag, n = binary.Uvarint(edit)
	}
	if n <= 0 || tag != tagFirstLog {
		return 0, false
	}
	first, m := binary.Uvarint(edit[n:])
	return first, m > 0
}

// readLogs reads the logs as the engine will.
func (v *survey) readLogs() error {
	all, err := wal.Scan(wal.Dir{FS: v.fs, Dirname: v.dir})
	if err != nil {
		return err
	}
	v.there = map[uint64]bool{}
	for _, l := range all {
		v.there[uint64(l.Num)] = true
	}
	for _, l := range all {
		if uint64(l.Num) < v.flushed {
			continue
		}
		if first := v.needed(); !v.based && v.next.commit == 0 && len(first) > 0 && first[0].Number <= uint64(l.Num) {
			// Where the first of them is missing, the gap begins before the next one.
			v.next, v.based = trailer{commit: first[0].Commits, units: first[0].Units}, true
		}
		if err := v.readLog(l); err != nil {
			return err
		}
	}
	if !v.known {
		return nil
	}
	if len(v.lost) > 0 && v.end >= v.last.Seq {
		return nil // told already
	}
	needed := v.needed()
	if len(needed) > 0 && v.end < v.last.Seq {
		where := v.torn
		if where == "" {
			where = logName(needed[len(needed)-1].Number) + " was cut"
		}
		for _, l := range needed {
			if !v.there[l.Number] {
				where = logName(l.Number) + " is missing"
				break
			}
		}
		v.lose(trailer{commit: v.last.Commits + 1, units: v.last.Units, at: v.last.At}, where)
	}
	return nil
}

// needed are the logs of the mark that hold what is not all in tables.
func (v *survey) needed() []logMark {
	i := slices.IndexFunc(v.last.Logs, func(l logMark) bool { return l.Number >= v.flushed })
	if i < 0 {
		return nil
	}
	return v.last.Logs[i:]
}

func logName(n uint64) string { return fmt.Sprintf("%06d.log", n) }

// readLog reads one log. Damage that the engine refuses is left to the engine.
func (v *survey) readLog(l wal.LogicalLog) error {
	rr := l.OpenForRead()
	defer rr.Close()
	var buf bytes.Buffer
	v.torn = ""
	for {
		r, at, err := rr.NextRecord()
		if err == nil {
			buf.Reset()
			_, err = io.Copy(&buf, r)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, record.ErrUnexpectedEOF), record.IsInvalidRecord(err):
			v.torn = fmt.Sprintf("%s cannot be read from byte %d on", logName(uint64(l.Num)), at.Physical)
			return nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		}
		h, ok := batchrepr.ReadHeader(buf.Bytes())
		if !ok {
			v.torn = fmt.Sprintf("%s cannot be read from byte %d on", logName(uint64(l.Num)), at.Physical)
			return nil
		}
		t, ok := trailerOf(buf.Bytes())
		if ok && (v.based || v.next.commit > 0) && t.commit > v.next.commit+1 {
			v.lose(t, "a log before "+logName(uint64(l.Num))+" is missing")
		}
		if ok {
			v.next = t
		}
		v.end = uint64(h.SeqNum) + uint64(h.Count)
	}
}

// lose notes that the commits between the last one that was read and t are
// missing.
func (v *survey) lose(t trailer, where string) {
	before := v.next
	if first := v.needed(); before.commit == 0 && len(first) > 0 {
		before = trailer{commit: first[0].Commits, units: first[0].Units}
	}
	v.lost = append(v.lost, Loss{
		Commits: t.commit - before.commit - 1, Units: t.units - t.own - before.units,
		After: before.at, Until: t.at, Found: v.clock(), Where: where,
	})
}

// trailer stands at the end of every batch in the log, and nowhere else: it
// numbers the commits, so that a gap shows.
type trailer struct {
	commit uint64 // of the store, from 1
	units  uint64 // all until and with this one
	own    uint64 // of this one
	at     time.Time
}

const trailerKind = 1

func (t trailer) append(b []byte) []byte {
	b = append(b, trailerKind)
	b = binary.AppendUvarint(b, t.commit)
	b = binary.AppendUvarint(b, t.units)
	b = binary.AppendUvarint(b, t.own)
	return binary.AppendVarint(b, t.at.UnixMilli())
}

func parseTrailer(b []byte) (t trailer, ok bool) {
	if len(b) == 0 || b[0] != trailerKind {
		return t, false
	}
	b = b[1:]
	for _, number := range []*uint64{&t.commit, &t.units, &t.own} {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return trailer{}, false
		}
		*number, b = v, b[n:]
	}
	ms, n := binary.Varint(b)
	if n != len(b) || n <= 0 || t.commit == 0 || t.own > t.units {
		return trailer{}, false
	}
	t.at = time.UnixMilli(ms)
	return t, true
}

// trailerOf finds the trailer of a batch as it stands in the log.
func trailerOf(batch []byte) (t trailer, ok bool) {
	if len(batch) < batchrepr.HeaderLen {
		return t, false
	}
	r := batchrepr.Read(batch)
	for {
		kind, key, _, more, err := r.Next()
		if err != nil || !more {
			return t, ok
		}
		if kind == pebble.InternalKeyKindLogData {
			t, ok = parseTrailer(key)
		}
	}
}
