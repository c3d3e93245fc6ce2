package instance

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

// Options say how to start a server.
type Options struct {
	Binary string
	Config string   // path of the configuration file; "": none
	Data   string   // data directory
	Store  string   // URL of a shared store, instead of Data
	Args   []string // further arguments of serve
	Env    []string // added to the environment
	Echo   io.Writer
	Ready  time.Duration // how long it may take until it is ready; default 2 minutes
}

// Process is a running server.
type Process struct {
	Addr string // host:port
	Data string
	// Startup is how long it took from the start of the process until it was
	// ready.
	Startup time.Duration

	cmd  *exec.Cmd
	log  *record
	done chan struct{}
	err  error // of Wait, once done is closed
}

// ErrExited says that a process ended before it was ready. Its log says why.
var ErrExited = errors.New("the server ended before it was ready")

// Start starts a server and waits until it is ready. With an error the process
// that it returns, if any, has ended and still has its log.
func Start(o Options) (*Process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	args := []string{"serve", "--data", o.Data, "--listen", addr}
	if o.Store != "" {
		args = []string{"serve", "--store", o.Store, "--listen", addr}
	}
	if o.Config != "" {
		args = append(args, "--config", o.Config)
	}
	p := &Process{Addr: addr, Data: o.Data, log: &record{echo: o.Echo}, done: make(chan struct{})}
	p.cmd = exec.Command(o.Binary, slices.Concat(args, o.Args)...)
	p.cmd.Env = append(os.Environ(), o.Env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	started := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if err := p.awaitReady(o.Ready); err != nil {
		p.Kill()
		return p, err
	}
	p.Startup = time.Since(started)
	return p, nil
}

// freeAddr finds a port that nobody listens on.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func (p *Process) awaitReady(limit time.Duration) error {
	if limit == 0 {
		limit = 2 * time.Minute
	}
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		select {
		case <-p.done:
			return fmt.Errorf("%w: %v", ErrExited, p.err)
		default:
		}
		resp, err := client.Get(p.URL("/readyz"))
		if err != nil {
			continue
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return nil
		}
	}
	return fmt.Errorf("the server was not ready within %v", limit)
}

// URL gives the address of a path.
func (p *Process) URL(path string) string { return "http://" + p.Addr + path }

// Pid is the process's number.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Log is what the process wrote so far.
func (p *Process) Log() string { return p.log.String() }

// Running reports whether the process has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Kill ends the process by SIGKILL and waits for the end.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Terminate asks the process to end, and does not wait.
func (p *Process) Terminate() error { return p.cmd.Process.Signal(syscall.SIGTERM) }

// Wait waits for the end and returns its error: nil if the exit code was 0. A
// process that takes longer than the limit is killed.
func (p *Process) Wait(limit time.Duration) error {
	select {
	case <-p.done:
		return p.err
	case <-time.After(limit):
		p.Kill()
		return fmt.Errorf("the server did not end within %v", limit)
	}
}

// Stop asks the process to end and waits for it.
func (p *Process) Stop() error {
	if !p.Running() {
		return p.err
	}
	if err := p.Terminate(); err != nil {
		return err
	}
	return p.Wait(2 * time.Minute)
}
