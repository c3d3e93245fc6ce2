package importer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// Format is how events are written in a file.
type Format string

// The formats. Auto looks at the name of the file: .csv and .tsv, with or
// without a .gz or .zst behind it, are tables, everything else is NDJSON.
const (
	Auto   Format = ""
	NDJSON Format = "ndjson"
	CSV    Format = "csv"
)

// ParseFormat reads the name of a format.
func ParseFormat(s string) (Format, bool) {
	switch f := Format(strings.ToLower(s)); f {
	case Auto, NDJSON, CSV:
		return f, true
	case "tsv":
		return CSV, true
	case "json", "jsonl":
		return NDJSON, true
	}
	return "", false
}

// Input is one file to import. Size and Fingerprint are known before anything
// is delivered.
type Input struct {
	Name        string // for people
	Size        int64  // as it lies on disk; -1 for standard input
	Fingerprint string
	Format      Format

	path  string        // "" for standard input
	stdin *bufio.Reader // standard input, with its beginning looked at already
	read  atomic.Int64  // bytes taken from the disk so far
}

// Open looks at a file: "-" is stdin.
func Open(name string, format Format, stdin io.Reader) (*Input, error) {
	in := &Input{Name: name, Format: format, path: name}
	if name == "-" {
		return in, in.peekStdin(stdin)
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a plain file; name files, or pipe events in and give - for standard input", name)
	}
	in.Size = info.Size()
	if in.Format == Auto {
		in.Format = formatOf(name)
	}
	in.Fingerprint, err = fingerprintFile(name, in.Size)
	return in, err
}

func (in *Input) peekStdin(stdin io.Reader) error {
	in.path, in.Name, in.Size = "", "standard input", -1
	if in.Format == Auto {
		in.Format = NDJSON
	}
	in.stdin = bufio.NewReaderSize(stdin, headBytes)
	head, err := in.stdin.Peek(headBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("standard input: %w", err)
	}
	in.Fingerprint = fingerprintHead(head)
	return nil
}

// formatOf guesses the format from a name.
func formatOf(name string) Format {
	base := strings.ToLower(filepath.Base(name))
	for _, ext := range []string{".gz", ".gzip", ".zst", ".zstd"} {
		base = strings.TrimSuffix(base, ext)
	}
	switch filepath.Ext(base) {
	case ".csv", ".tsv":
		return CSV
	}
	return NDJSON
}

// Read is how many bytes were taken from the disk so far, for progress.
func (in *Input) Read() int64 { return in.read.Load() }
