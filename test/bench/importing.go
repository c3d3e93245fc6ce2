package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/selfsame-id/selfsame/test/instance"
	"github.com/selfsame-id/selfsame/test/population"
)

const (
	importTitle = "History by `selfsame import`"
	rowStopped  = "into a stopped directory"
	rowRunning  = "into a running server"
)

// imports measures `selfsame import` of a file.
func (b *bench) imports() error {
	if err := b.importInto(rowStopped, false); err != nil {
		return err
	}
	return b.importInto(rowRunning, true)
}

func (b *bench) importInto(name string, running bool) error {
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
	state, peak, err := b.command(nil, nil, nil, append(append([]string{"import", "--source", "shop"}, args...), b.file)...)
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
	t := b.tables.at(importTitle, whole(b.events)+" events", "events/s", "of C", "CPU µs/event", "of C's", "MB/s of D", "peak RSS MiB", "of memory", "disk B/event")
	rate, each := float64(b.events)/wall.Seconds(), micros(cpu, b.events)
	t.add(b.row(name), count(rate), ratio(rate, b.yard.core), each, ratio(each.value, b.yard.coreCPU), ratio(rate*b.eventBytes(), b.yard.disk),
		mebi(peak), b.ofMemory(peak), count(float64(disk)/float64(b.events)))
	return nil
}

// command runs the binary to its end, and says how much memory it had at most. What
// it writes goes to stdout, or into the error.
func (b *bench) command(stdin io.Reader, stdout io.Writer, env []string, args ...string) (state *os.ProcessState, peak int64, err error) {
	cmd := exec.Command(b.who.binary, append(args, "--config", b.config(), "--space", "dev")...)
	var output bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &output, &output
	if stdout != nil {
		cmd.Stdout = stdout
	}
	cmd.Env = append(append(os.Environ(), "SELFSAME_ADMIN_TOKEN="+admin), env...)
	if peak, err = instance.RunWatched(cmd); err != nil {
		return nil, 0, fmt.Errorf("selfsame %s: %w\n%s", args[0], err, output.Bytes())
	}
	return cmd.ProcessState, peak, nil
}

// writeTo writes events and counts them and their bytes.
func writeTo(w io.Writer, s events) (n, size int64, err error) {
	buf := bufio.NewWriterSize(w, 1<<20)
	for line := s.Next(); line != nil; line = s.Next() {
		if _, err := buf.Write(line); err != nil {
			return n, size, err
		}
		if err := buf.WriteByte('\n'); err != nil {
			return n, size, err
		}
		n++
		size += int64(len(line)) + 1
	}
	return n, size, buf.Flush()
}

// filled is a stopped directory with events in it that is kept for all rounds, one
// of each contender.
func (b *bench) filled(purpose string, events func() events) (data string, err error) {
	key := purpose + "/" + b.who.name
	if data = b.kept[key]; data != "" {
		return data, nil
	}
	if data, err = b.data(); err != nil {
		return "", err
	}
	n, took, err := b.fill(data, events())
	if err != nil {
		return "", err
	}
	b.say("  loaded %s events in %v", whole(n), took.Round(100*time.Millisecond))
	b.kept[key] = data
	return data, nil
}

// loaded is a directory with people in it.
func (b *bench) loaded() (string, error) {
	return b.filled("people", func() events { return population.Config{Seed: b.seed, People: b.people}.Stream() })
}

// fill loads events into a stopped directory, without keeping them in memory or on
// disk, and says how many there were.
func (b *bench) fill(data string, s events) (n int64, took time.Duration, err error) {
	r, w := io.Pipe()
	written := make(chan int64, 1)
	go func() {
		n, _, err := writeTo(w, s)
		written <- n
		_ = w.CloseWithError(err)
	}()
	began := time.Now()
	_, _, err = b.command(r, nil, nil, "import", "--source", "shop", "--data", data, "-")
	_ = r.Close() // a command that failed reads no more
	return <-written, time.Since(began), err
}
