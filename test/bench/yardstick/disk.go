package yardstick

import (
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Disk is what a disk did.
type Disk struct {
	Bytes int64         // written and synced, in pieces of Piece bytes
	Wall  time.Duration // what that took
	Sync  time.Duration // the median of writing and syncing 4 KiB
}

// Piece is how much is written before each sync, about what a busy server
// commits at once.
const Piece = 1 << 20

// WriteAndSync writes to a file in dir from its beginning to its end, each piece
// synced, for that long, and removes it.
func WriteAndSync(dir string, long time.Duration) (d Disk, err error) {
	name := filepath.Join(dir, "synced")
	f, err := os.Create(name)
	if err != nil {
		return d, err
	}
	defer os.Remove(name)
	defer f.Close()
	piece := make([]byte, Piece)
	for i := range piece {
		piece[i] = byte(i * 2654435761 >> 13) // nothing that a disk could pack
	}
	write := func(b []byte) error {
		if _, err := f.Write(b); err != nil {
			return err
		}
		return f.Sync()
	}
	began := time.Now()
	for d.Bytes == 0 || time.Since(began) < long*2/3 {
		if err := write(piece); err != nil {
			return d, err
		}
		d.Bytes += Piece
	}
	d.Wall = time.Since(began)
	var took []time.Duration
	for began = time.Now(); len(took) == 0 || time.Since(began) < long/3; {
		sent := time.Now()
		if err := write(piece[:4096]); err != nil {
			return d, err
		}
		took = append(took, time.Since(sent))
	}
	slices.Sort(took)
	d.Sync = took[len(took)/2]
	return d, nil
}
