package instance

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrNoPostgres says that no PostgreSQL server is installed.
var ErrNoPostgres = errors.New("PostgreSQL is not installed (Debian: apt-get install postgresql)")

// Postgres is a PostgreSQL server of our own, on the loopback. Unlike those of tests
// it syncs what it commits: it is there to be measured.
type Postgres struct {
	bin, dir string
	addr     string
	as       *syscall.Credential
	settings []string
	cmd      *exec.Cmd
	done     chan struct{} // closed when cmd has ended
}

// MakePostgres makes an empty database in a new directory below dir, as a user that is
// not root.
func MakePostgres(dir string, settings ...string) (*Postgres, error) {
	bin, err := postgresPrograms()
	if err != nil {
		return nil, err
	}
	as, err := unprivileged()
	if err != nil {
		return nil, err
	}
	p := &Postgres{bin: bin, as: as, settings: append([]string{"listen_addresses=127.0.0.1", "unix_socket_directories="}, settings...)}
	if p.addr, err = freeAddr(); err != nil {
		return nil, err
	}
	if p.dir, err = os.MkdirTemp(dir, "postgres-"); err != nil {
		return nil, err
	}
	if as != nil {
		// The server's user has to pass through what is above.
		if err := errors.Join(os.Chmod(dir, 0o711), os.Chown(p.dir, int(as.Uid), int(as.Gid))); err != nil {
			return nil, err
		}
	}
	out, err := p.program("initdb", "-D", p.data(), "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return p, nil
}

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }

func (p *Postgres) program(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir = p.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as, Setpgid: true}
	return cmd
}

// Start starts the server, unless it runs, and waits until it answers.
func (p *Postgres) Start() error {
	if p.cmd != nil {
		return nil
	}
	_, port, err := net.SplitHostPort(p.addr)
	if err != nil {
		return err
	}
	args := []string{"-D", p.data(), "-p", port}
	for _, s := range p.settings {
		args = append(args, "-c", s)
	}
	log, err := os.Create(p.dir + ".log")
	if err != nil {
		return err
	}
	defer log.Close()
	cmd, done := p.program("postgres", args...), make(chan struct{})
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	p.cmd, p.done = cmd, done
	for range 600 {
		select {
		case <-done:
			p.cmd = nil
			text, _ := os.ReadFile(log.Name())
			return fmt.Errorf("PostgreSQL ended at once: %s", text)
		case <-time.After(50 * time.Millisecond):
		}
		if err = p.program("pg_isready", "-q", "-h", "127.0.0.1", "-p", port).Run(); err == nil {
			return nil
		}
	}
	p.Stop()
	return fmt.Errorf("PostgreSQL does not answer: %w", err)
}

// URL names the server's database.
func (p *Postgres) URL() string {
	return "postgres://postgres@" + p.addr + "/postgres?sslmode=disable"
}

// Stop ends the server. Its data stays for the next start.
func (p *Postgres) Stop() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGINT) // sessions are broken off
	select {
	case <-p.done:
	case <-time.After(2 * time.Minute):
		_ = p.cmd.Process.Signal(syscall.SIGQUIT)
		<-p.done
	}
	p.cmd = nil
}

// postgresPrograms is the directory of the newest installed server's programs.
func postgresPrograms() (string, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	best, newest := "", -1
	for _, dir := range dirs {
		v, err := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		if err != nil || v <= newest {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			best, newest = dir, v
		}
	}
	if best != "" {
		return best, nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	return "", ErrNoPostgres
}

// unprivileged is the user to run PostgreSQL as, which refuses to run as root; nil:
// this one.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	var why []string
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			why = append(why, err.Error())
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no other user for it: %s", strings.Join(why, "; "))
}
