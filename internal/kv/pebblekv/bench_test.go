package pebblekv

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// The benchmarks write what ingestion writes, as events an iteration:
//
//	go test -run '^$' -bench Ingest -benchtime 2000000x ./internal/kv/pebblekv
//
// For each event one index entry of 40 bytes without a value; for every 2.6
// events a strand, that is five small records at random keys; for every 100
// events a block of 20 KB (fewer in smaller batches). Figures: events/s, CPU time an event (all threads,
// compactions included), bytes written to disk for each byte given.

const (
	benchBatch = 1600
	benchBlock = 100 // events
)

type ingester struct {
	rng   *rand.Rand
	block []byte
	seq   *atomic.Uint64
}

func newIngester(seed uint64, seq *atomic.Uint64) *ingester {
	in := &ingester{rng: rand.New(rand.NewPCG(seed, 1)), block: make([]byte, 20<<10), seq: seq}
	rand.NewChaCha8([32]byte{byte(seed)}).Read(in.block)
	return in
}

func (in *ingester) hash(key []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(key, in.rng.Uint64()), in.rng.Uint64())
}

// fill adds one batch of n events and returns the keys that ingestion looks up
// beforehand.
func (in *ingester) fill(b *kv.Batch, n int) (lookups [][]byte) {
	base := in.seq.Add(uint64(n))
	var strand []byte
	for i := range n {
		if strand == nil || in.rng.IntN(26) < 10 {
			strand = in.hash(nil)
			lookups = append(lookups, append([]byte{'s'}, strand...))
			b.Put(append([]byte{'s'}, strand...), in.block[:90])
			b.Put(append([]byte{'t'}, strand...), in.block[100:220])
			for range 3 {
				b.Put(in.hash([]byte{'o'}), strand)
			}
		}
		key := append([]byte{'i'}, strand...)
		key = binary.BigEndian.AppendUint64(key, base+uint64(i))
		key = binary.BigEndian.AppendUint64(key, base)
		b.Put(binary.BigEndian.AppendUint32(key, uint32(i))[:40-3], nil)
		if i%benchBlock == 0 {
			value := append([]byte(nil), in.block[:min(len(in.block), 240*n+60)]...)
			binary.BigEndian.PutUint64(value, in.rng.Uint64())
			b.Put(binary.BigEndian.AppendUint64([]byte{'j'}, base+uint64(i)), value)
		}
	}
	return lookups
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchmarkIngest(b *testing.B, writers, batch int, lookup bool) {
	s, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	var seq atomic.Uint64
	var left atomic.Int64
	left.Store(int64(b.N))
	var latency sync.Map
	b.ResetTimer()
	start := cpu()
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			in := newIngester(uint64(w), &seq)
			var worst time.Duration
			for left.Add(-int64(batch)) > -int64(batch) {
				var kb kv.Batch
				lookups := in.fill(&kb, batch)
				if lookup {
					r, err := s.Snapshot(ctx)
					if err != nil {
						b.Error(err)
						return
					}
					if _, err := r.Get(ctx, lookups...); err != nil {
						b.Error(err)
					}
					r.Close()
				}
				begun := time.Now()
				if err := s.Commit(ctx, &kb); err != nil {
					b.Error(err)
					return
				}
				worst = max(worst, time.Since(begun))
			}
			latency.Store(w, worst)
		})
	}
	wg.Wait()
	b.StopTimer()
	used := cpu() - start
	var worst time.Duration
	latency.Range(func(_, v any) bool { worst = max(worst, v.(time.Duration)); return true })
	m := s.db.Metrics()
	st := s.Stats()
	var written uint64 = m.WAL.BytesWritten
	for _, l := range m.Levels {
		written += l.TableBytesFlushed + l.TableBytesCompacted + l.BlobBytesFlushed + l.BlobBytesCompacted
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-us/event")
	b.ReportMetric(float64(written)/float64(max(st.BytesIn, 1)), "write-amp")
	b.ReportMetric(float64(worst.Milliseconds()), "worst-ms")
	b.ReportMetric(float64(st.Stalls), "stalls")
	b.ReportMetric(float64(st.CompactionDebt>>20), "debt-MB")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkIngest(b *testing.B)         { benchmarkIngest(b, 4, benchBatch, true) }
func BenchmarkIngestBlind(b *testing.B)    { benchmarkIngest(b, 4, benchBatch, false) }
func BenchmarkIngestSmall(b *testing.B)    { benchmarkIngest(b, 32, 1, true) }
func BenchmarkIngestOneByOne(b *testing.B) { benchmarkIngest(b, 1, 1, true) }
