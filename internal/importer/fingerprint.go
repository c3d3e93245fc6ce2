package importer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

const (
	// headBytes is how much of standard input is looked at to know it again.
	headBytes = 1 << 20
	// wholeBytes is the size up to which every byte of a file counts.
	wholeBytes = 64 << 20
	// Of a larger file sampleBytes count at its start, its end, and every
	// sampleStep between: to read an archive twice would double the time.
	sampleBytes = 64 << 10
	sampleStep  = 4 << 20
)

// fingerprintFile names a file by its content and size.
func fingerprintFile(name string, size int64) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(size)))
	if size <= wholeBytes {
		_, err = io.Copy(h, f)
	} else {
		buf := make([]byte, sampleBytes)
		for at := int64(0); at < size && err == nil; at += sampleStep {
			err = sample(h, f, buf, min(at, size-sampleBytes))
		}
		if err == nil {
			err = sample(h, f, buf, size-sampleBytes)
		}
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

func sample(h io.Writer, f io.ReaderAt, buf []byte, at int64) error {
	if _, err := f.ReadAt(buf, at); err != nil {
		return err
	}
	_, err := h.Write(buf)
	return err
}

// fingerprintHead names a stream by its beginning: a pipe cannot be read twice.
// The same beginning is taken for the same stream, so one that has grown is
// read on where it ended.
func fingerprintHead(head []byte) string {
	h := sha256.New()
	h.Write([]byte("stream"))
	h.Write(head)
	return hex.EncodeToString(h.Sum(nil)[:16])
}
