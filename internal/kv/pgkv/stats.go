package pgkv

// Stats are figures for operators, of this process since it opened the store.
type Stats struct {
	Commits    int64 // acknowledged
	Conflicts  int64 // commits that ended in kv.ErrConflict
	Retries    int64 // attempts that the store made again by itself
	RoundTrips int64 // to the database, but for those of new connections
	BytesIn    int64 // keys and values of acknowledged commits

	Connections    int // open now
	ReadersInUse   int // connections that readers hold now
	ReadersAllowed int
	CommitsInUse   int // connections that commits hold now
	CommitsAllowed int
}

// Stats returns figures for operators. It asks the database nothing.
func (s *Store) Stats() Stats {
	r, w := s.reads.Stat(), s.writes.Stat()
	return Stats{
		Commits:        s.count.commits.Load(),
		Conflicts:      s.count.conflicts.Load(),
		Retries:        s.count.retries.Load(),
		RoundTrips:     s.count.roundTrips.Load(),
		BytesIn:        s.count.bytes.Load(),
		Connections:    int(r.TotalConns() + w.TotalConns()),
		ReadersInUse:   int(r.AcquiredConns()),
		ReadersAllowed: int(r.MaxConns()),
		CommitsInUse:   int(w.AcquiredConns()),
		CommitsAllowed: int(w.MaxConns()),
	}
}
