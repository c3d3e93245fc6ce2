package main

import (
	"os"
	"path/filepath"

	"github.com/selfsame-id/selfsame/test/population"
)

// events is where events come from, one after the other; nil: there are no more.
// What Next gives is good until it is called again.
type events interface{ Next() []byte }

// replay gives events that were made before.
type replay struct {
	lines [][]byte
}

func (r *replay) Next() []byte {
	if len(r.lines) == 0 {
		return nil
	}
	line := r.lines[0]
	r.lines = r.lines[1:]
	return line
}

// makeEvents makes, once, what is sent to empty spaces in each round, and the file of
// those that C reads and that are imported.
func (b *bench) makeEvents() error {
	if b.file != "" {
		return nil
	}
	n := max(int(b.most*(b.warm+b.measure).Seconds()), b.events)
	b.say("making %s events", whole(n))
	s := population.Config{Seed: b.seed}.Stream()
	var block []byte
	for range n {
		line := s.Next()
		if cap(block)-len(block) < len(line) {
			block = make([]byte, 0, max(blockSize, len(line)))
		}
		block = append(block, line...)
		b.lines = append(b.lines, block[len(block)-len(line):len(block):len(block)])
	}
	file := filepath.Join(b.dir, "events.ndjson")
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if _, _, err := writeTo(f, &replay{b.lines[:b.events]}); err != nil {
		return err
	}
	b.file = file
	return f.Close()
}

// ready makes requests of what is sent to empty spaces.
func (b *bench) ready(size int) [][]byte {
	if size == 1 {
		return singles(&replay{b.lines}, len(b.lines)/4)
	}
	return batches(&replay{b.lines}, size, len(b.lines))
}
