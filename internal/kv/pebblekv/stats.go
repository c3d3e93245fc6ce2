package pebblekv

// Stats are figures for operators. Sizes are in bytes.
type Stats struct {
	DiskBytes         int64 // all files of the store but the reserve
	TableBytes        int64 // sorted tables: keys and small values
	BlobBytes         int64 // blob files: values of 1 KiB and more
	BlobGarbageBytes  int64 // of these, what nothing refers to any more
	LogBytes          int64 // write-ahead logs
	FreeBytes         int64 // left on the file system; -1 if not known
	CompactionDebt    int64 // estimated bytes to compact until the tree is in shape
	Compactions       int64 // since opening
	RunningCompaction int64 // now
	Flushes           int64 // since opening
	L0Files           int64
	ReadAmp           int64 // tables that a get may have to look into
	MemtableBytes     int64
	CacheBytes        int64
	CacheHits         int64 // since opening
	CacheMisses       int64
	FilterHits        int64 // gets that a filter answered
	FilterMisses      int64

	Commits   int64 // since opening, with writes, acknowledged
	Conflicts int64
	BytesIn   int64 // keys and values of acknowledged commits
	Stalls    int64 // times that commits were held back
	Full      bool  // no commits are taken for want of room
	Failed    bool  // no commits are taken until the store is opened again
	Snapshots int   // states that readers hold open
}

// Stats returns figures for operators. They cost about as much as a hundred
// gets. After Close they are zero.
func (s *Store) Stats() Stats {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return Stats{}
	}
	m := s.db.Metrics()
	live, _ := s.views.counts()
	st := Stats{
		DiskBytes:         int64(m.DiskSpaceUsage()),
		BlobBytes:         int64(m.BlobFiles.LiveSize),
		BlobGarbageBytes:  int64(m.BlobFiles.ValueSize) - int64(m.BlobFiles.ReferencedValueSize),
		LogBytes:          int64(m.WAL.PhysicalSize),
		FreeBytes:         s.space.free.Load(),
		CompactionDebt:    int64(m.Compact.EstimatedDebt),
		Compactions:       m.Compact.Count,
		RunningCompaction: m.Compact.NumInProgress,
		Flushes:           m.Flush.Count,
		L0Files:           m.Levels[0].TablesCount,
		ReadAmp:           int64(m.ReadAmp()),
		MemtableBytes:     int64(m.MemTable.Size),
		CacheBytes:        m.BlockCache.Size,
		CacheHits:         m.BlockCache.Hits,
		CacheMisses:       m.BlockCache.Misses,
		FilterHits:        m.Filter.Hits,
		FilterMisses:      m.Filter.Misses,
		Commits:           s.commit.commits.Load(),
		Conflicts:         s.commit.conflicts.Load(),
		BytesIn:           s.commit.bytes.Load(),
		Stalls:            s.stalls.Load(),
		Full:              s.space.full.Load(),
		Failed:            s.failure() != nil,
		Snapshots:         live,
	}
	for _, l := range m.Levels {
		st.TableBytes += l.TablesSize
	}
	return st
}
