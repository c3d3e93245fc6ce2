package pgkv

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
)

// BenchmarkIngest writes what ingestion writes (an index entry an event, five
// records for every 2.6 events, a block of 20 KB for every 100), in batches of
// 1,600 events by two writers, against a server on the same machine that syncs
// each commit. Each batch requires a key that all others require too, and looks
// up its strands beforehand.
//
//	go test -run '^$' -bench Ingest -benchtime 200000x ./internal/kv/pgkv
func BenchmarkIngest(b *testing.B) {
	server := pgtest.Start(b, "fsync=on", "full_page_writes=on", "shared_buffers=512MB", "max_wal_size=4GB")
	s := open(b, fresh(server))
	defer s.Close()
	ctx := context.Background()
	var first kv.Batch
	first.Put([]byte("rules"), []byte("1"))
	if err := s.Commit(ctx, &first); err != nil {
		b.Fatal(err)
	}
	const batch = 1600
	var left, seq atomic.Int64
	left.Store(int64(b.N))
	block := make([]byte, 20<<10)
	rand.NewChaCha8([32]byte{}).Read(block)
	b.ResetTimer()
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 1))
			hash := func(prefix byte) []byte {
				return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte{prefix}, rng.Uint64()), rng.Uint64())
			}
			for left.Add(-batch) > -batch {
				var kb kv.Batch
				var lookups [][]byte
				kb.Require([]byte("rules"), []byte("1"))
				base := seq.Add(batch)
				strand := hash('s')
				for i := range batch {
					if rng.IntN(26) < 10 {
						strand = hash('s')
						lookups = append(lookups, strand)
						kb.Insert(strand, block[:90])
						kb.Insert(hash('t'), block[:120])
						for range 3 {
							kb.Insert(hash('o'), strand)
						}
					}
					kb.Insert(fmt.Appendf(append([]byte{'i'}, strand...), "%016x", base+int64(i)), nil)
					if i%100 == 0 {
						kb.Insert(binary.BigEndian.AppendUint64([]byte{'j'}, uint64(base+int64(i))), block)
					}
				}
				r, err := s.Snapshot(ctx)
				if err == nil {
					_, err = r.Get(ctx, lookups...)
					r.Close()
				}
				if err == nil {
					err = s.Commit(ctx, &kb)
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	st := s.Stats()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(st.RoundTrips)/float64(b.N), "trips/event")
	b.ReportMetric(float64(st.BytesIn)/float64(b.N), "bytes/event")
	b.ReportMetric(float64(st.Retries), "retries")
	b.ReportMetric(0, "ns/op")
}
