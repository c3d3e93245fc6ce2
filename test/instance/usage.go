package instance

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Usage is what a process has used so far.
type Usage struct {
	CPU       time.Duration // in user and kernel mode, all threads
	RSS, Peak int64         // bytes in memory, now and at most
}

// Usage reads what the process has used. It needs Linux.
func (p *Process) Usage() (Usage, error) { return UsageOf(p.Pid()) }

// UsageOf reads what any process has used. It needs Linux.
func UsageOf(pid int) (Usage, error) { return usageOf(strconv.Itoa(pid)) }

// tick is the unit of times in /proc on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// statOf reads the fields of /proc/<pid>/stat behind the command's name, which
// is in parentheses and may have spaces in it.
func statOf(pid string) ([]string, error) {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 15 {
		return nil, fmt.Errorf("/proc/%s/stat is too short", pid)
	}
	return fields, nil
}

// ticks adds up times of /proc.
func ticks(fields []string) (sum time.Duration, err error) {
	for _, f := range fields {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(n) * tick
	}
	return sum, nil
}

// FamilyCPU is what the parent of a process and all its children, those that
// ended too, have used; 0 if there is no such process on this machine.
func FamilyCPU(child int) (sum time.Duration) {
	fields, err := statOf(strconv.Itoa(child))
	if err != nil {
		return 0
	}
	parent := fields[1]
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		pid := filepath.Base(dir)
		fields, err := statOf(pid)
		if err != nil {
			continue // it has ended
		}
		n := time.Duration(0)
		switch {
		case pid == parent: // with its children that ended
			n, _ = ticks(fields[11:15])
		case fields[1] == parent:
			n, _ = ticks(fields[11:13])
		}
		sum += n
	}
	return sum
}

func usageOf(pid string) (u Usage, err error) {
	fields, err := statOf(pid)
	if err != nil {
		return u, err
	}
	if u.CPU, err = ticks(fields[11:13]); err != nil { // utime, stime
		return u, err
	}
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(status)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		n, _ := strconv.ParseInt(f[1], 10, 64)
		switch f[0] {
		case "VmRSS:":
			u.RSS = n << 10
		case "VmHWM:":
			u.Peak = n << 10
		}
	}
	return u, nil
}

// OwnCPU is what the calling process has used.
func OwnCPU() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// RunWatched runs a command to its end and says how much memory it had at most.
// What the kernel tells of an ended child counts the memory of the parent that
// it was forked from, so the child is looked at while it runs.
func RunWatched(cmd *exec.Cmd) (peak int64, err error) {
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	watch := time.NewTicker(20 * time.Millisecond)
	defer watch.Stop()
	for {
		select {
		case err := <-done:
			return peak, err
		case <-watch.C:
			if u, err := UsageOf(cmd.Process.Pid); err == nil {
				peak = max(peak, u.Peak)
			}
		}
	}
}

// DiskBytes is how much room the files below dir take on the disk.
func DiskBytes(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			if os.IsNotExist(err) {
				return nil // a running server removes files
			}
			return err
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		if s, ok := info.Sys().(*syscall.Stat_t); ok {
			n += s.Blocks * 512
		}
		return nil
	})
	return n, err
}
