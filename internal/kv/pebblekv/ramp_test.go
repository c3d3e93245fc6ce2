package pebblekv

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// TestFewMemtables: what is written after an opening does not lie in ever more
// memtables, each of which every get would look into.
func TestFewMemtables(t *testing.T) {
	opts := testOptions(vfs.NewMem())
	opts.MemtableBytes = 32 << 20
	s, err := Open("data", opts)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	value := make([]byte, 512)
	for n, key := uint64(0), uint64(0); n < 8<<20; n += 64 << 10 {
		var b kv.Batch
		for range 128 {
			key++
			b.Put(binary.BigEndian.AppendUint64([]byte("k"), key*0x9e3779b97f4a7c15), value)
		}
		if err := s.Commit(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
		if n := s.db.Metrics().MemTable.Count; n <= mostWaiting+1 {
			return
		} else if time.Now().After(end) {
			t.Fatalf("%d memtables are not flushed", n)
		}
	}
}
