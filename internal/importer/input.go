package importer

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// Input is one file to import.
type Input struct {
	Name string // for people
	Size int64  // in bytes as it lies on disk; -1 for standard input

	how   Reading
	path  string        // "" for standard input
	stdin *bufio.Reader // standard input, with its beginning looked at already
	found findings
	text  textEncoding
	lines unit

	looked atomic.Int64 // bytes taken from the disk to find out what it is
	read   atomic.Int64 // bytes taken from the disk to import them
}

// unit is what the places in an input count.
type unit string

const (
	byLine  unit = "line"
	byEvent unit = "event" // of a JSON array, or of objects over several lines
)

// Open looks whether a file is there: "-" is stdin. Errors: those of the file
// system.
func Open(name string, how Reading, stdin io.Reader) (*Input, error) {
	in := &Input{Name: name, how: how, path: name, lines: byLine}
	if name == "-" {
		in.path, in.Name, in.Size = "", "standard input", -1
		in.stdin = bufio.NewReaderSize(stdin, headBytes)
		return in, nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a plain file; name files and directories, or pipe events in and give - for standard input", name)
	}
	in.Size = info.Size()
	return in, nil
}

// look finds out what the input is.
func (in *Input) look(ctx context.Context) (err error) {
	if in.path == "" {
		in.found, err = in.surveyHead()
	} else {
		in.found, err = in.survey(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", in.Name, err)
	}
	in.text = in.found.encoding()
	if in.how.Encoding != "" {
		in.text, err = namedEncoding(in.how.Encoding)
	}
	return err
}

// Encoding names how the text is written, when that is not UTF-8; "" when it is,
// and before the input was looked at.
func (in *Input) Encoding() string {
	if in.text.decoder == nil {
		return ""
	}
	return in.text.name
}

// Looked is how many bytes were taken from the disk to find out what the input
// is, for progress.
func (in *Input) Looked() int64 { return in.looked.Load() }

// Read is how many bytes were taken from the disk to import them, for progress.
func (in *Input) Read() int64 { return in.read.Load() }

// place names a line, or an event, of the input.
func (in *Input) place(n int64) string {
	if in.lines == byEvent {
		return fmt.Sprintf("%s: event %d", in.Name, n)
	}
	return fmt.Sprintf("%s:%d", in.Name, n)
}

// formatOf guesses the format from a name: Auto when it says nothing.
func formatOf(name string) Format {
	switch ext, _ := extensions(name); ext {
	case ".csv", ".tsv", ".tab":
		return CSV
	case ".ndjson", ".jsonl", ".json":
		return NDJSON
	}
	return Auto
}

// extensions are the end of a file's name without what says that it is packed.
func extensions(name string) (ext string, packed bool) {
	base := strings.ToLower(filepath.Base(name))
	for _, p := range []string{".gz", ".gzip", ".zst", ".zstd"} {
		if bare, ok := strings.CutSuffix(base, p); ok {
			base, packed = bare, true
		}
	}
	return filepath.Ext(base), packed
}
