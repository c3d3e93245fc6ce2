package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/test/bench/yardstick"
	"github.com/selfsame-id/selfsame/test/instance"
)

// yards are the yardsticks of a round.
type yards struct {
	core    float64       // C: events a second
	coreCPU float64       // C: µs of CPU an event
	http    float64       // H: requests a second
	httpP99 time.Duration // of H
	disk    float64       // D: bytes a second
}

const yardTitle = "The yardsticks"

// yardsticks measures them, C and the server of H as processes of their own.
func (b *bench) yardsticks() error {
	if err := b.makeEvents(); err != nil {
		return err
	}
	t := b.tables.at(yardTitle, "yardstick", "a second", "p50 ms", "p99 ms", "CPU µs each")
	core, err := b.core()
	if err != nil {
		return fmt.Errorf("C: %w", err)
	}
	b.yard.core = float64(core.Events) / core.Wall.Seconds()
	b.yard.coreCPU = over(float64(core.CPU.Microseconds()), float64(core.Events))
	t.add("C: one core parses and joins these events", count(b.yard.core), missing, missing, figure{b.yard.coreCPU, decimals(2)})
	if err := b.static(t); err != nil {
		return fmt.Errorf("H: %w", err)
	}
	disk, err := yardstick.WriteAndSync(b.dir, 1500*time.Millisecond)
	if err != nil {
		return fmt.Errorf("D: %w", err)
	}
	b.yard.disk = float64(disk.Bytes) / disk.Wall.Seconds()
	t.add("D: MB written to one file, synced each", count(b.yard.disk/1e6), millis(time.Duration(1e9*1e6/b.yard.disk)), missing, missing)
	t.add("D: 4 KiB at its end, synced each", count(1/disk.Sync.Seconds()), millis(disk.Sync), missing, missing)
	return nil
}

// core runs C.
func (b *bench) core() (c yardstick.Core, err error) {
	self, err := os.Executable()
	if err != nil {
		return c, err
	}
	cmd := exec.Command(self, "yardstick", "core", b.file, "2s")
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(out, &c)
}

// static measures H with the generator that measures the server.
func (b *bench) static(t *table) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "yardstick", "http")
	cmd.Stderr = os.Stderr
	hold, err := cmd.StdinPipe() // it ends when this is closed
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		_ = hold.Close()
		_ = cmd.Wait()
	}()
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return err
	}
	var a arena
	a.add("/static", "", nil)
	o, err := b.apply(other(cmd.Process.Pid), &load{addrs: []string{strings.TrimSpace(addr)}, connections: 32, requests: a.all, again: true, begins: []byte("static")})
	if err != nil {
		return err
	}
	if o[0].wrong() > 0 {
		return errors.New(listed(o[0].others))
	}
	b.yard.http, b.yard.httpP99 = o[0].rate(), o[0].quantile(0.99)
	t.add("H: net/http answers 300 bytes, 32 connections", count(b.yard.http), millis(o[0].quantile(0.5)), millis(b.yard.httpP99), micros(o[0].serverCPU, o[0].answered))
	return nil
}

// other is a process that is no server of ours.
type other int

func (o other) Usage() (instance.Usage, error) { return instance.UsageOf(int(o)) }

var errNoChild = errors.New("this is the program itself")

// child is what this program does as a process of its own.
func child(args []string) error {
	if len(args) < 2 || args[0] != "yardstick" {
		return errNoChild
	}
	switch {
	case args[1] == "core" && len(args) == 4:
		lines, err := os.ReadFile(args[2])
		if err != nil {
			return err
		}
		least, err := time.ParseDuration(args[3])
		if err != nil {
			return err
		}
		c, err := yardstick.ReadAndJoin(lines, least)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(c)
	case args[1] == "http":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		fmt.Println(l.Addr())
		go func() {
			_, _ = os.Stdin.Read(make([]byte, 1))
			_ = l.Close()
		}()
		if err := yardstick.ServeStatic(l); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
	return fmt.Errorf("yardstick: %q", args[1:])
}
