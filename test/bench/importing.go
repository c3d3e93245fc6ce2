package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/selfsame-id/selfsame/test/instance"
	"github.com/selfsame-id/selfsame/test/population"
)

// imports measures `selfsame import` of a file.
func (b *bench) imports() error {
	file := filepath.Join(b.dir, "events.ndjson")
	_, size, err := writeFile(file, population.Config{Seed: b.seed, Events: b.events})
	if err != nil {
		return err
	}
	defer os.Remove(file)
	if err := b.importInto("a stopped directory", file, size, false); err != nil {
		return err
	}
	return b.importInto("a running server", file, size, true)
}

func (b *bench) importInto(name, file string, size int64, running bool) error {
	data, err := b.data()
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	args := []string{"--data", data}
	var p *instance.Process
	if running {
		if p, err = b.start(data); err != nil {
			return err
		}
		defer p.Kill()
		args = []string{"--server", p.URL("")}
	}
	began := time.Now()
	state, peak, err := b.importFrom(nil, append(args, file)...)
	if err != nil {
		return err
	}
	wall := time.Since(began)
	cpu := state.UserTime() + state.SystemTime()
	if running {
		use, err := p.Usage()
		if err != nil {
			return err
		}
		cpu, peak = cpu+use.CPU, use.Peak
		if err := p.Stop(); err != nil {
			return err
		}
	}
	disk, err := instance.DiskBytes(data)
	if err != nil {
		return err
	}
	t := b.tables.at("NDJSON by `selfsame import`", "into", "events", "seconds", "events/s", "MB/s", "CPU µs/event", "peak RSS MiB", "disk MiB", "disk B/event")
	t.row(name, whole(b.events), seconds(wall), whole(float64(b.events)/wall.Seconds()), whole(float64(size)/1e6/wall.Seconds()),
		micros(cpu, b.events), mebi(peak), mebi(disk), whole(float64(disk)/float64(b.events)))
	return nil
}

// importFrom runs the import command to its end, and says how much memory it
// had at most.
func (b *bench) importFrom(stdin io.Reader, args ...string) (state *os.ProcessState, peak int64, err error) {
	cmd := exec.Command(b.binary, append([]string{"import", "--config", b.config(), "--space", "dev", "--source", "shop"}, args...)...)
	var output bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &output, &output
	cmd.Env = append(os.Environ(), "SELFSAME_ADMIN_TOKEN="+admin)
	if peak, err = instance.RunWatched(cmd); err != nil {
		return nil, 0, fmt.Errorf("selfsame import: %w\n%s", err, output.Bytes())
	}
	return cmd.ProcessState, peak, nil
}

// writeFile writes a population to a file and counts its events and bytes.
func writeFile(path string, c population.Config) (events, size int64, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, 0, err
	}
	events, size, err = writeTo(f, c)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return events, size, err
}

func writeTo(w io.Writer, c population.Config) (events, size int64, err error) {
	buf := bufio.NewWriterSize(w, 1<<20)
	s := c.Stream()
	for line := s.Next(); line != nil; line = s.Next() {
		if _, err := buf.Write(line); err != nil {
			return events, size, err
		}
		if err := buf.WriteByte('\n'); err != nil {
			return events, size, err
		}
		events++
		size += int64(len(line)) + 1
	}
	return events, size, buf.Flush()
}

// fill loads a population into a stopped directory, without keeping it in memory
// or on disk, and says how many events it had.
func (b *bench) fill(data string, c population.Config) (events int64, took time.Duration, err error) {
	r, w := io.Pipe()
	written := make(chan int64, 1)
	go func() {
		n, _, err := writeTo(w, c)
		written <- n
		_ = w.CloseWithError(err)
	}()
	began := time.Now()
	_, _, err = b.importFrom(r, "--data", data, "-")
	_ = r.Close() // a command that failed reads no more
	return <-written, time.Since(began), err
}
