package pebblekv

import (
	"runtime"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
)

// formatVersion is what the engine writes: the first released format with blob
// files. Raising it makes directories unreadable for older versions of
// Selfsame.
const formatVersion = pebble.FormatValueSeparation

// blobMinBytes is the size from which a value is kept in a blob file, out of
// the way of compactions: blocks of event bodies are, records and index entries
// are not.
const blobMinBytes = 1 << 10

// keysCompressed compresses records and index entries, but not what lies in blob files:
// blocks of bodies are packed already.
var keysCompressed = func() *sstable.CompressionProfile {
	p := *sstable.SnappyCompression
	p.ValueBlocks = sstable.NoCompression.ValueBlocks
	return &p
}()

// engineOptions returns the engine's settings, for many tiny inserts at random
// keys, gets that often miss, short scans, and large values that are appended
// and seldom read.
func (s *Store) engineOptions() *pebble.Options {
	o := &pebble.Options{
		FS:                 s.space.fs(),
		Lock:               s.lock.file,
		Logger:             engineLog{s},
		CacheSize:          s.opts.CacheBytes,
		FormatMajorVersion: formatVersion,

		// Large memtables make few and large flushes; four of them ride out a
		// compaction that holds the flush up. The log is as long as the memtables.
		MemTableSize:                s.opts.MemtableBytes,
		MemTableStopWritesThreshold: 4,

		// Start on L0 early and never stop writes for it: with few cores, waiting
		// costs more than a deeper L0, and gets go through filters anyway.
		L0CompactionThreshold:     4,
		L0CompactionFileThreshold: 500,
		L0StopWritesThreshold:     64,
		LBaseMaxBytes:             256 << 20,
		MaxOpenFiles:              4096,

		// Two at most on a small machine, so that ingestion keeps a core.
		CompactionConcurrencyRange: func() (int, int) {
			return 1, max(2, runtime.GOMAXPROCS(0)/2)
		},
		// Log and table files are synced bit by bit, so that no sync meets a
		// mountain of dirty pages.
		BytesPerSync:    1 << 20,
		WALBytesPerSync: 1 << 20,
	}
	o.TargetFileSizes[0] = 8 << 20
	for i := 1; i < len(o.TargetFileSizes); i++ {
		o.TargetFileSizes[i] = min(o.TargetFileSizes[i-1]*2, 128<<20)
	}
	o.FlushSplitBytes = 2 * o.TargetFileSizes[0]
	for i := range o.Levels {
		l := &o.Levels[i]
		l.BlockSize = 16 << 10
		l.IndexBlockSize = 256 << 10
		// Ten bits a key: one get in a hundred reads a block in vain. The last
		// level has them too, because most keys that are looked up are not there.
		l.FilterPolicy = bloom.FilterPolicy(10)
		l.FilterType = pebble.TableFilter
		l.Compression = func() *sstable.CompressionProfile { return keysCompressed }
	}
	// What is flushed is soon compacted; to compress it twice does not pay.
	o.Levels[0].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
	o.Experimental.ValueSeparationPolicy = func() pebble.ValueSeparationPolicy {
		return pebble.ValueSeparationPolicy{
			Enabled:               true,
			MinimumSize:           blobMinBytes,
			MaxBlobReferenceDepth: 8,
			// A blob file of which a third is deleted is written again, but not
			// while it is young and more of it may go.
			RewriteMinimumAge:  5 * time.Minute,
			TargetGarbageRatio: 0.35,
		}
	}
	o.EventListener = &pebble.EventListener{
		BackgroundError: func(err error) {
			s.log.Error("background work of the store failed and is tried again", "error", err)
		},
		WriteStallBegin: func(info pebble.WriteStallBeginInfo) {
			s.stalls.Add(1)
			s.log.Warn("commits are held back until the store has caught up", "reason", info.Reason)
		},
		WALCreated: func(info pebble.WALCreateInfo) {
			if info.Err == nil {
				s.logNumber.Store(uint64(info.FileNum))
				s.ramp.rotated()
			}
		},
		FlushBegin: func(info pebble.FlushInfo) { s.ramp.began(info.Input) },
		FlushEnd:   func(pebble.FlushInfo) { s.ramp.ended() },
		ManifestCreated: func(info pebble.ManifestCreateInfo) {
			if info.Err == nil {
				name := s.opts.FS.PathBase(info.Path)
				s.manifest.Store(&name)
			}
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			s.log.Error("a file of the store is damaged", "path", info.Path, "error", info.Details)
		},
	}
	return o
}
