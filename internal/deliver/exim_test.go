package deliver_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/deliver/email"
	"github.com/selfsame-id/selfsame/internal/needs"
)

// eximConfiguration has Debian's exim4 put what it takes into a maildir, and refuse
// what is for even numbers.
const eximConfiguration = `
spool_directory = %[1]s/spool
log_file_path = %[1]s/log/%%slog
pid_file_path = %[1]s/pid
primary_hostname = mail.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = %[2]d
acl_smtp_rcpt = acl_rcpt
never_users =
tls_advertise_hosts =
keep_environment =
begin acl
acl_rcpt:
  deny local_parts = ^p[0-9]*[02468]\N$\N
       message = no such user
  accept
begin routers
all:
  driver = accept
  transport = maildir
begin transports
maildir:
  driver = appendfile
  maildir_format
  directory = %[1]s/mail
  create_directory
  user = Debian-exim
`

// A real mail server takes the mails and puts them into a real mailbox.
func TestMailsArriveThroughExim(t *testing.T) {
	const binary = "/usr/sbin/exim4"
	account, err := user.Lookup("Debian-exim")
	if _, missing := os.Stat(binary); missing != nil || err != nil || os.Geteuid() != 0 {
		needs.Missing(t, "mails through a real server need Debian's exim4 (apt-get install exim4-daemon-light) and root, who starts it")
	}
	dir, err := os.MkdirTemp("/tmp", "exim") // where its own user may look
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	uid, _ := strconv.Atoi(account.Uid)
	gid, _ := strconv.Atoi(account.Gid)
	for _, d := range []string{"", "spool", "log", "mail"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(filepath.Join(dir, d), uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	_ = free.Close()
	conf := filepath.Join(dir, "conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, eximConfiguration, dir, port), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "-C", conf, "-bdf")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	server := fmt.Sprintf("127.0.0.1:%d", port)
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", server); err == nil {
			_ = c.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("exim4 does not listen")
		}
	}

	r := start(t, func(c *deliver.Config) {
		c.Kinds, c.PublicURL = map[string]deliver.Kind{"email": email.Kind{}}, publicURL
	})
	r.apply(t, fmt.Sprintf(mailDocument, server, "", ""))
	for n := 1; n <= 6; n++ {
		r.world.Create(deliver.User(n), deliver.Email(n))
		r.world.SetTrait(deliver.User(n), "firstName", `"Jäne"`)
		r.world.Set(deliver.User(n), "vip", 1)
	}
	r.Wake()
	r.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 3 && s.Counts.Refused == 3 && s.Queued == 0 })
	var to []string
	for deadline := time.Now().Add(2 * time.Minute); len(to) < 3 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		to = to[:0]
		names, _ := filepath.Glob(filepath.Join(dir, "mail", "new", "*"))
		for _, n := range names {
			b, err := os.ReadFile(n)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(b)) {
				if v, is := strings.CutPrefix(line, "To: "); is {
					to = append(to, strings.TrimSpace(v))
				}
			}
			if !strings.Contains(string(b), "List-Unsubscribe-Post: List-Unsubscribe=One-Click") || !strings.Contains(string(b), "=?UTF-8?") {
				t.Errorf("%s", b)
			}
		}
	}
	if slices.Sort(to); !slices.Equal(to, []string{"<p1@example.com>", "<p3@example.com>", "<p5@example.com>"}) {
		t.Errorf("mails to %q are in the mailbox", to)
	}
}
