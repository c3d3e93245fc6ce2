package pebblekv

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"
)

// lostFile keeps what openings found missing, one JSON object a line, until
// somebody has seen to it.
const lostFile = "LOST"

// mostLost bounds the file.
const mostLost = 1 << 20

// lookBefore surveys the files before the engine opens them, says what is
// missing, and takes back that the store was closed in order.
func (s *Store) lookBefore() error {
	var known bool
	var err error
	if s.marks, known, err = openMarks(s.opts.FS, s.dir); err != nil {
		return err
	}
	v := survey{fs: s.opts.FS, dir: s.dir, last: s.marks.last, known: known, clock: time.Now}
	if err = v.run(); err == nil {
		err = s.tellLost(&v)
	}
	if err != nil {
		return errors.Join(err, s.marks.file.Close())
	}
	if !known && v.manifest != "" {
		s.log.Warn("the store does not say how far it was written, so what may be missing cannot be told", "file", markFile)
	}
	if v.torn != "" && len(v.lost) == 0 {
		s.log.Info("the log ends in what was never answered, as after a crash", "where", v.torn)
	}
	s.manifest.Store(&v.manifest)
	s.newest = v.next
	if known && s.marks.last.Commits > s.newest.commit { // the numbers of lost commits are not given again
		s.newest.commit, s.newest.units = s.marks.last.Commits, s.marks.last.Units
	}
	next := s.marks.last
	next.Clean, next.ManifestSum, next.At = false, "", time.Now()
	next.Commits, next.Units = s.newest.commit, s.newest.units
	next.Seq, next.Logs = 0, nil // the engine brings all logs into tables
	if v.manifest != next.Manifest {
		next.Manifest, next.ManifestBytes = v.manifest, 0
	}
	// Should this opening end before the engine has done that, the next one looks
	// again; what is missing is in the file of losses then.
	if err := s.marks.write(next); err != nil {
		return errors.Join(err, s.marks.file.Close())
	}
	return nil
}

// tellLost says aloud what a survey found missing, and keeps it.
func (s *Store) tellLost(v *survey) error {
	for _, l := range v.lost {
		s.log.Error("commits that were answered are missing: restore a backup, or send again what came in between; the store works on without them",
			"commits_at_least", l.Commits, "events_at_least", l.Units, "after", l.After, "until", l.Until, "where", l.Where)
	}
	kept, err := readLosses(s.opts.FS, s.dir)
	if err != nil {
		s.log.Warn("what earlier starts found missing cannot be read", "file", lostFile, "error", err)
	}
	s.lost = append(kept, v.lost...)
	if len(v.lost) == 0 {
		return nil
	}
	var text []byte
	for _, l := range s.lost {
		line, err := json.Marshal(l)
		if err != nil {
			return err
		}
		if len(text)+len(line) < mostLost {
			text = append(append(text, line...), '\n')
		}
	}
	path := s.opts.FS.PathJoin(s.dir, lostFile)
	f, err := s.opts.FS.Create(path+".new", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := s.opts.FS.Rename(path+".new", path); err != nil {
		return err
	}
	return syncDir(s.opts.FS, s.dir)
}

func readLosses(fsys vfs.FS, dir string) ([]Loss, error) {
	f, err := fsys.Open(fsys.PathJoin(dir, lostFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []Loss
	lines := json.NewDecoder(io.LimitReader(f, mostLost))
	for {
		var l Loss
		if err := lines.Decode(&l); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return out, fmt.Errorf("%s: %w", lostFile, err)
		}
		out = append(out, l)
	}
}

// Losses lists what this and earlier openings found missing of what had been
// answered, the oldest first, until ForgetLosses.
func (s *Store) Losses() []Loss {
	s.lostMu.Lock()
	defer s.lostMu.Unlock()
	return slices.Clone(s.lost)
}

// ForgetLosses empties the list: somebody has seen to it.
func (s *Store) ForgetLosses() error {
	s.lostMu.Lock()
	defer s.lostMu.Unlock()
	if err := s.opts.FS.Remove(s.opts.FS.PathJoin(s.dir, lostFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget losses: %w", err)
	}
	s.lost = nil
	return syncDir(s.opts.FS, s.dir)
}

// keepMark writes a mark every now and then while there are commits.
func (s *Store) keepMark(stop <-chan struct{}) {
	var k keeper
	for after(s.committed, s.opts.MarkEvery, stop) {
		if k.mark(s); k.failed {
			signal(s.committed) // it is tried again
		}
	}
}

// keeper is what is remembered from one mark to the next.
type keeper struct {
	manifest string // a mark ago: none of its records up to bytes is half written now
	bytes    int64
	failed   bool
}

// mark writes how far the log is durable now.
func (k *keeper) mark(s *Store) {
	at := s.views.durable()
	if at.commit == 0 || at.commit == s.marks.last.Commits {
		return
	}
	next := s.marks.last
	next.Commits, next.Units, next.Seq, next.At = at.commit, at.units, at.seq, at.at
	if n := len(next.Logs); n == 0 || next.Logs[n-1].Number != at.log.Number {
		next.Logs = append(slices.Clone(next.Logs[max(0, n-mostLogs+1):]), at.log)
	}
	if name := s.manifest.Load(); name != nil {
		if *name == k.manifest {
			next.Manifest, next.ManifestBytes = k.manifest, k.bytes
		}
		k.bytes = s.syncedSize(*name, k.manifest, k.bytes)
		k.manifest = *name
	}
	err := s.marks.write(next)
	if err != nil && !k.failed {
		s.log.Warn("how far the store was written cannot be noted", "file", markFile, "error", err)
	}
	k.failed = err != nil
}

// syncedSize is how many bytes of a manifest are durable; old if nothing was added.
func (s *Store) syncedSize(name, was string, old int64) int64 {
	path := s.opts.FS.PathJoin(s.dir, name)
	info, err := s.opts.FS.Stat(path)
	if err != nil || name == was && info.Size() == old {
		return old
	}
	f, err := s.opts.FS.Open(path)
	if err != nil {
		return 0
	}
	if errors.Join(f.Sync(), f.Close()) != nil {
		return 0
	}
	return info.Size()
}

// closeEngine brings everything from the logs into tables, closes the engine,
// and marks the store as closed in order.
func (s *Store) closeEngine() error {
	if s.commit.commits.Load() > 0 {
		if !s.space.roomFor(2 * int64(s.opts.MemtableBytes)) {
			// The engine must not meet a full disk when it begins another log. The
			// logs have it all; the next opening reads them, and knows their end.
			(&keeper{}).mark(s)
			return errors.Join(s.db.Close(), s.marks.file.Close())
		}
		if err := s.db.Flush(); err != nil {
			// The logs have it all; the next opening reads them.
			s.log.Warn("the logs were not emptied", "error", err)
			return errors.Join(s.db.Close(), s.marks.file.Close())
		}
	}
	if err := s.db.Close(); err != nil {
		return errors.Join(err, s.marks.file.Close())
	}
	err := s.markClean()
	if err != nil {
		s.log.Warn("how far the store was written cannot be noted", "file", markFile, "error", err)
	}
	return s.marks.file.Close()
}

func (s *Store) markClean() error {
	name, err := atomicfs.ReadMarker(s.opts.FS, s.dir, "manifest")
	if err != nil {
		return err
	}
	f, err := s.opts.FS.Open(s.opts.FS.PathJoin(s.dir, name))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<40))
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	next := s.marks.last
	next.Clean, next.Commits, next.Units, next.At = true, s.newest.commit, s.newest.units, time.Now()
	next.Seq, next.Logs = 0, nil
	next.Manifest, next.ManifestBytes, next.ManifestSum = name, int64(len(text)), digest(text)
	return s.marks.write(next)
}
