package pgtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a private PostgreSQL server. Its methods end the test if they
// fail; they are for one goroutine.
type Server struct {
	Port int

	tb   testing.TB
	bin  string
	data string
	as   *syscall.Credential
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

// base are settings for a small, fast server whose process may be killed:
// without fsync it loses nothing but in a crash of the machine.
var base = []string{
	"listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "full_page_writes=off",
	"shared_buffers=64MB", "max_connections=60", "logging_collector=off", "log_min_messages=warning",
	"autovacuum_naptime=5s", "max_wal_size=512MB",
}

// Start makes and starts a server with the given settings (name=value). It is
// ended with the test.
func Start(tb testing.TB, settings ...string) *Server {
	tb.Helper()
	s := newServer(tb)
	s.makeCluster()
	s.Configure(append(base, settings...)...)
	s.Start()
	return s
}

// newServer prepares an empty place for a server.
func newServer(tb testing.TB) *Server {
	tb.Helper()
	s := &Server{tb: tb, bin: need(tb)}
	var err error
	if s.as, err = account(); err != nil {
		tb.Fatal(err)
	}
	// Not tb.TempDir: the server's user must be able to pass through it.
	dir, err := os.MkdirTemp("", "pgtest-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	s.data = filepath.Join(dir, "data")
	if s.as != nil {
		if err := os.Chown(dir, int(s.as.Uid), int(s.as.Gid)); err != nil {
			tb.Fatal(err)
		}
	}
	s.Port = freePort(tb)
	tb.Cleanup(s.Kill)
	return s
}

func freePort(tb testing.TB) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// program runs one of PostgreSQL's programs to its end.
func (s *Server) program(name string, args ...string) {
	s.tb.Helper()
	path := filepath.Join(s.bin, name)
	if _, err := os.Stat(path); err != nil {
		path = name // not one of PostgreSQL's
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = filepath.Dir(s.data)
	cmd.SysProcAttr = attributes(s.as)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.tb.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// Configure adds settings (name=value) for the next start or Reload.
func (s *Server) Configure(settings ...string) {
	s.tb.Helper()
	var b bytes.Buffer
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		fmt.Fprintf(&b, "%s = '%s'\n", name, strings.ReplaceAll(value, "'", "''"))
	}
	f, err := os.OpenFile(filepath.Join(s.data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		s.tb.Fatal(err)
	}
	if _, err := f.Write(b.Bytes()); err != nil {
		s.tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		s.tb.Fatal(err)
	}
}

// Reload makes the running server read its settings again.
func (s *Server) Reload() {
	s.tb.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		s.tb.Fatal(err)
	}
}

// Start starts the server after Stop or Kill and waits until it answers. A
// killed server's backends live on for a moment, during which a new one does
// not start.
func (s *Server) Start() {
	s.tb.Helper()
	end := time.Now().Add(60 * time.Second)
	for {
		err := s.launch(end)
		if err == nil {
			return
		}
		if time.Now().After(end) || !strings.Contains(s.Log(), "pre-existing shared memory block") {
			s.tb.Fatalf("the server does not start: %v\n%s", err, s.Log())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (s *Server) launch(end time.Time) error {
	log, err := os.OpenFile(s.data+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), "-D", s.data, "-p", fmt.Sprint(s.Port))
	cmd.Dir = filepath.Dir(s.data)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = attributes(s.as)
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	s.cmd, s.done = cmd, done
	for time.Now().Before(end) {
		select {
		case <-done:
			s.cmd = nil
			return fmt.Errorf("it ended at once: %v", cmd.ProcessState)
		case <-time.After(20 * time.Millisecond):
		}
		if err = s.ping(); err == nil {
			return nil
		}
	}
	return err
}

func (s *Server) ping() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// URL names the server's database. settings (name=value) apply to each
// connection.
func (s *Server) URL(settings ...string) string {
	return URL(fmt.Sprintf("127.0.0.1:%d", s.Port), settings...)
}

// URL names the database behind one or several addresses, separated by commas.
func URL(addresses string, settings ...string) string {
	return "postgres://postgres@" + addresses + "/postgres?" + strings.Join(append([]string{"sslmode=disable"}, settings...), "&")
}

// Exec runs a statement.
func (s *Server) Exec(sql string) {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		s.tb.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		s.tb.Fatalf("%s: %v", sql, err)
	}
}

// Log returns what the server has logged.
func (s *Server) Log() string {
	b, _ := os.ReadFile(s.data + ".log")
	return string(b)
}

// Stop ends the server as an operator would: what runs is cut off, and what
// was committed is kept.
func (s *Server) Stop() {
	s.tb.Helper()
	s.end(syscall.SIGINT)
}

// Kill ends the server with all its processes, at once.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

func (s *Server) end(sig syscall.Signal) {
	if s.cmd == nil {
		return
	}
	pid := s.cmd.Process.Pid
	if sig == syscall.SIGKILL { // its whole process group; it leads one
		pid = -pid
	}
	_ = syscall.Kill(pid, sig)
	select {
	case <-s.done:
	case <-time.After(30 * time.Second):
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		<-s.done
	}
	s.cmd = nil
}
