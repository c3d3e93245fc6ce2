package pebblekv

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// unitsEach is what every batch of these tests counts.
const unitsEach = 7

func commitNumbered(t *testing.T, s *Store, from, to, size int) {
	t.Helper()
	value := make([]byte, size)
	rng := rand.NewChaCha8([32]byte{byte(from)})
	for i := from; i < to; i++ {
		var b kv.Batch
		rng.Read(value)
		b.Put(fmt.Appendf(nil, "k%06d", i), value)
		b.Count(unitsEach)
		if err := s.Commit(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
	}
}

func numbered(t *testing.T, s *Store) int {
	t.Helper()
	r, err := s.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	entries, err := r.Scan(context.Background(), []byte("k"), nil, 100000, false)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func markedOptions(fs vfs.FS, log io.Writer) Options {
	o := testOptions(fs)
	o.MarkEvery = time.Hour // the tests mark
	if log != nil {
		o.Logger = slog.New(slog.NewTextHandler(log, nil))
	}
	return o
}

func rewrite(t *testing.T, fs vfs.FS, path string, change func(b []byte) []byte) {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	_ = f.Close()
	if err != nil {
		t.Fatal(err)
	}
	if b = change(b); b == nil {
		if err := fs.Remove(path); err != nil {
			t.Fatal(err)
		}
		return
	}
	out, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Write(b); err != nil {
		t.Fatal(err)
	}
	_ = errors.Join(out.Sync(), out.Close())
}

func filesLike(t *testing.T, fs vfs.FS, part string) (paths []string) {
	t.Helper()
	names, err := fs.List("data")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.Contains(name, part) && !strings.HasPrefix(name, "marker") {
			paths = append(paths, fs.PathJoin("data", name))
		}
	}
	slices.Sort(paths)
	return paths
}

// What damage after a crash takes of what was noted as durable is told exactly:
// commits, what they count, which file; and what was not damaged is not.
func TestLostEndIsTold(t *testing.T) {
	const marked, all = 150, 200
	end := func(b []byte) int { return len(bytes.TrimRight(b, "\x00")) }
	for name, c := range map[string]struct {
		change func(b []byte) []byte
		says   string // "": nothing is lost
	}{
		"untouched":         {func(b []byte) []byte { return b }, ""},
		"torn":              {func(b []byte) []byte { return b[:end(b)-5] }, ""},
		"one bit near":      {func(b []byte) []byte { b[end(b)*13/20] ^= 1; return b }, "cannot be read from byte"},
		"one bit far":       {func(b []byte) []byte { b[end(b)*19/20] ^= 1; return b }, ""},
		"cut":               {func(b []byte) []byte { return b[:end(b)/2] }, "log"},
		"empty":             {func(b []byte) []byte { return b[:0] }, "was cut"},
		"zeros":             {func(b []byte) []byte { clear(b[end(b)/3:]); return b }, "log"},
		"removed":           {func(b []byte) []byte { return nil }, "is missing"},
		"as it was noted":   {nil, ""},
		"one less than was": {nil, "was cut"},
	} {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewCrashableMem()
			s, err := Open("data", markedOptions(fs, nil))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			var k keeper
			size := 0
			for i := range marked {
				if i == marked-1 {
					for _, log := range filesLike(t, fs, ".log") {
						rewrite(t, fs.CrashClone(vfs.CrashCloneCfg{}), log, func(b []byte) []byte { size = end(b); return b })
					}
				}
				commitNumbered(t, s, i, i+1, 50)
			}
			k.mark(s)
			whole := 0
			for _, log := range filesLike(t, fs, ".log") {
				rewrite(t, fs.CrashClone(vfs.CrashCloneCfg{}), log, func(b []byte) []byte { whole = end(b); return b })
			}
			commitNumbered(t, s, marked, all, 50)
			change := c.change
			switch {
			case name == "as it was noted":
				change = func(b []byte) []byte { return b[:whole] }
			case change == nil:
				change = func(b []byte) []byte { return b[:size] }
			}
			after := fs.CrashClone(vfs.CrashCloneCfg{})
			logs := filesLike(t, after, ".log")
			if len(logs) != 1 {
				t.Fatal(logs)
			}
			rewrite(t, after, logs[0], change)
			var log bytes.Buffer
			again, err := Open("data", markedOptions(after, &log))
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			left := numbered(t, again)
			lost := again.Losses()
			if c.says == "" {
				if len(lost) > 0 || left < marked || strings.Contains(log.String(), "ERROR") {
					t.Fatalf("%d are left, %+v\n%s", left, lost, log.String())
				}
				return
			}
			if left >= marked {
				t.Fatalf("%d commits are left: the damage came too late", left)
			}
			if len(lost) != 1 || lost[0].Commits != uint64(marked-left) || lost[0].Units != uint64(unitsEach*(marked-left)) ||
				!strings.Contains(lost[0].Where, c.says) || lost[0].Until.IsZero() || lost[0].Found.IsZero() {
				t.Errorf("%d of %d are left; the store says %+v", left, marked, lost)
			}
			if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), fmt.Sprintf("commits_at_least=%d", marked-left)) {
				t.Errorf("the log says:\n%s", log.String())
			}
			// It is told until somebody has seen to it, and what comes then is counted on.
			commitNumbered(t, again, 1000, 1010, 50)
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
			log.Reset()
			third, err := Open("data", markedOptions(after, &log))
			if err != nil {
				t.Fatal(err)
			}
			defer third.Close()
			if got := third.Losses(); len(got) != 1 || got[0].Commits != lost[0].Commits || strings.Contains(log.String(), "ERROR") {
				t.Errorf("the next opening says %+v\n%s", got, log.String())
			}
			if err := third.ForgetLosses(); err != nil || len(third.Losses()) > 0 || len(filesLike(t, after, lostFile)) > 0 {
				t.Errorf("seen to: %v, %+v", err, third.Losses())
			}
			if third.newest.commit < marked+10 {
				t.Errorf("the next commit would be number %d again", third.newest.commit+1)
			}
		})
	}
}

// tablesHeld holds up the making of tables, so that several logs are needed.
type tablesHeld struct {
	vfs.FS
	gate sync.RWMutex
}

func (h *tablesHeld) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasSuffix(name, ".sst") {
		h.gate.RLock()
		defer h.gate.RUnlock()
	}
	return h.FS.Create(name, c)
}

// Of several logs that are needed, any may be missing.
func TestLostLogIsTold(t *testing.T) {
	for which, where := range []string{"first", "middle", "last"} {
		t.Run(where, func(t *testing.T) {
			mem := vfs.NewCrashableMem()
			fs := &tablesHeld{FS: mem}
			fs.gate.Lock()
			s, err := Open("data", markedOptions(fs, nil))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			defer fs.gate.Unlock()
			var k keeper
			n := 0
			for len(filesLike(t, fs, ".log")) < 3 {
				commitNumbered(t, s, n, n+1, 10000)
				n++
				k.mark(s)
			}
			commitNumbered(t, s, n, n+5, 10000)
			n += 5
			k.mark(s)
			after := mem.CrashClone(vfs.CrashCloneCfg{})
			logs := filesLike(t, after, ".log")
			rewrite(t, after, logs[which], func([]byte) []byte { return nil })
			again, err := Open("data", markedOptions(after, nil))
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			left, lost := numbered(t, again), again.Losses()
			var commits uint64
			for _, l := range lost {
				commits += l.Commits
			}
			if commits != uint64(n-left) || left == n || len(lost) != 1 || !strings.Contains(lost[0].Where, "missing") || lost[0].Units != commits*unitsEach {
				t.Errorf("%d of %d are left; the store says %+v", left, n, lost)
			}
		})
	}
}

// After a stop in order there is nothing in the logs: whatever becomes of them,
// nothing is lost. A manifest that is not what it was is refused, also after a
// crash.
func TestManifestIsCompared(t *testing.T) {
	for _, clean := range []bool{true, false} {
		for name, change := range map[string]func(b []byte) []byte{
			"cut":  func(b []byte) []byte { return b[:len(b)*2/3] },
			"flip": func(b []byte) []byte { b[len(b)*2/3] ^= 0x10; return b },
		} {
			t.Run(fmt.Sprint(name, " clean ", clean), func(t *testing.T) {
				mem := vfs.NewCrashableMem()
				s, err := Open("data", markedOptions(mem, nil))
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				var k keeper
				for i := range 5 {
					commitNumbered(t, s, i*10, i*10+10, 5000)
					if err := s.db.Flush(); err != nil {
						t.Fatal(err)
					}
					commitNumbered(t, s, 1000+i, 1001+i, 10)
					k.mark(s)
				}
				var after *vfs.MemFS
				if clean {
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
				}
				after = mem.CrashClone(vfs.CrashCloneCfg{})
				m := filesLike(t, after, "MANIFEST")
				rewrite(t, after, m[len(m)-1], change)
				before := contents(t, after, "data")
				if _, err := Open("data", markedOptions(after, nil)); !errors.Is(err, kv.ErrCorrupt) || !strings.Contains(err.Error(), "MANIFEST") {
					t.Fatalf("Open: %v, want ErrCorrupt", err)
				}
				now := contents(t, after, "data")
				for name, text := range before {
					if now[name] != text && name != lostFile {
						t.Errorf("%s was changed by an Open that failed", name)
					}
				}
			})
		}
	}
}

func TestMarkKeepsOnePlaceWhole(t *testing.T) {
	fs := vfs.NewMem()
	if err := fs.MkdirAll("data", 0o700); err != nil {
		t.Fatal(err)
	}
	m, known, err := openMarks(fs, "data")
	if err != nil || known {
		t.Fatal(known, err)
	}
	for i := range uint64(5) {
		if err := m.write(mark{Commits: i, Logs: make([]logMark, mostLogs)}); err != nil {
			t.Fatal(err)
		}
	}
	_ = m.file.Close()
	rewrite(t, fs, "data/"+markFile, func(b []byte) []byte { clear(b[markSize : markSize+100]); return b }) // the newer one is half written
	again, known, err := openMarks(fs, "data")
	if err != nil || !known || again.last.Commits != 3 {
		t.Errorf("%v, %+v, %v", known, again.last, err)
	}
}

func FuzzMarks(f *testing.F) {
	m := mark{Generation: 3, Logs: []logMark{{1, 2, 3}}}
	b, err := m.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(trailer{commit: 5, units: 9, own: 2, at: time.Unix(1, 0)}.append(nil))
	f.Add(append([]byte{1, 7}, "leveldb\x02\x05"...))
	f.Add(binary.AppendUvarint([]byte{1}, 1<<63))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m := decodeMark(b); m != nil && len(m.Logs) > mostLogs {
			t.Error("a mark with too many logs")
		}
		if tr, ok := parseTrailer(b); ok {
			if back, ok := parseTrailer(tr.append(nil)); !ok || back != tr {
				t.Errorf("%+v comes back as %+v", tr, back)
			}
		}
		firstLog(b)
		trailerOf(b)
	})
}
