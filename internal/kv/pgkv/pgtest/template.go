package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// makeCluster gives the server an empty cluster: a copy of a template, which is
// made once for all test processes. initdb takes over a second of CPU, a copy a
// fraction of that.
func (s *Server) makeCluster() {
	s.tb.Helper()
	template, err := s.template()
	if err != nil {
		s.tb.Fatalf("the template of the PostgreSQL servers cannot be made: %v", err)
	}
	s.program("cp", "-a", template, s.data)
}

// template is the directory of an empty cluster, made if it is not there. It
// stays behind for the next run.
func (s *Server) template() (string, error) {
	release := strings.ReplaceAll(strings.Trim(s.bin, "/"), "/", "-")
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("pgtest-template-%d-%s", os.Geteuid(), release))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	ready := filepath.Join(dir, "cluster")
	if _, err := os.Stat(filepath.Join(ready, "PG_VERSION")); err == nil {
		return ready, nil
	}
	if s.as != nil {
		if err := os.Chown(dir, int(s.as.Uid), int(s.as.Gid)); err != nil {
			return "", err
		}
	}
	// Under another name until it is whole: somebody may end the process.
	half := ready + ".new"
	if err := os.RemoveAll(half); err != nil {
		return "", err
	}
	cmd := exec.Command(filepath.Join(s.bin, "initdb"), "-D", half, "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync")
	cmd.Dir = dir
	cmd.SysProcAttr = attributes(s.as)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return ready, os.Rename(half, ready)
}
