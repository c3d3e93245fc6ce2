package deliver_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/deliver/email"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// post is an SMTP server that keeps what it takes, and misbehaves when asked.
type post struct {
	server  *smtp.Server
	address string
	roots   *x509.CertPool

	mu       sync.Mutex
	mails    []*mail.Message
	bodies   []string
	to       []string
	rcpt     func(to string) error // nil: takes all
	data     func() error          // called when the mail was read; nil: takes it
	login    string                // "user password"; "": nobody has to
	sessions int
}

func (p *post) NewSession(*smtp.Conn) (smtp.Session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions++
	return &session{p: p, in: p.login == ""}, nil
}

type session struct {
	p  *post
	in bool
	to string
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user+" "+password != s.p.login {
			return smtp.ErrAuthFailed
		}
		s.in = true
		return nil
	}), nil
}

func (s *session) Mail(string, *smtp.MailOptions) error {
	if !s.in {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.p.mu.Lock()
	rcpt := s.p.rcpt
	s.p.mu.Unlock()
	if rcpt != nil {
		if err := rcpt(to); err != nil {
			return err
		}
	}
	s.to = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := mail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		return err
	}
	s.p.mu.Lock()
	data := s.p.data
	s.p.mu.Unlock()
	if data != nil {
		if err := data(); err != nil {
			return err
		}
	}
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.p.mails, s.p.bodies, s.p.to = append(s.p.mails, m), append(s.p.bodies, string(b)), append(s.p.to, s.to)
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

func (p *post) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *post) recipients() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.to)
}

// newPost starts a server; secure: with a certificate of its own, which roots know.
func newPost(t *testing.T, secure bool) *post {
	t.Helper()
	p := &post{}
	p.server = smtp.NewServer(p)
	p.server.Domain, p.server.AllowInsecureAuth = "mail.example.com", true
	p.server.ErrorLog = quietLog{}
	if secure {
		var certificate tls.Certificate
		certificate, p.roots = selfSigned(t)
		p.server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.address = l.Addr().String()
	done := make(chan struct{})
	go func() { defer close(done); _ = p.server.Serve(l) }()
	t.Cleanup(func() { _ = p.server.Close(); <-done })
	return p
}

type quietLog struct{}

func (quietLog) Printf(string, ...any) {}
func (quietLog) Println(...any)        {}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// office is a rig with a mail server and a clock.
type office struct {
	*rig
	*post
	clock *deliver.Clock
}

func publicURL() string { return "https://profiles.example.com/" }

const mailDocument = `
destinations:
  shoes:
    type: email
    initial: send
    email:
      server: smtp://%s
      from: SegKicks <shoes@segkicks.example>
%s
      mails:
        vip_mail:
          audience: vip
          subject: "Hello {{.Profile.Traits.firstName}}"
          text: "You ordered {{.Profile.Traits.orders}} times. No more mails: {{.Unsubscribe}}"
          html: "<p>You, {{.Profile.Traits.firstName}}, are <a href=\"{{.Unsubscribe}}\">in</a>.</p>"
%s
`

func newOffice(t *testing.T, settings, ofMail string, change func(*deliver.Config)) *office {
	t.Helper()
	o := &office{post: newPost(t, false), clock: deliver.NewClock()}
	o.open(t, change)
	o.apply(t, fmt.Sprintf(mailDocument, o.address, indented(6, settings), indented(10, ofMail)))
	return o
}

func indented(n int, text string) string {
	if text == "" {
		return ""
	}
	return strings.Repeat(" ", n) + strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", n))
}

func (o *office) open(t *testing.T, change func(*deliver.Config)) {
	t.Helper()
	o.rig = start(t, func(c *deliver.Config) {
		c.Kinds = map[string]deliver.Kind{"email": email.Kind{}}
		c.PublicURL, c.Now = publicURL, o.clock.Now
		if change != nil {
			change(c)
		}
	})
	o.world.Follow(o.clock)
}

// later moves the clock, and has everything look at it.
func (o *office) later(d time.Duration) {
	o.clock.Add(d)
	o.Wake()
}

func (o *office) person(n int, name string) {
	o.world.Create(deliver.User(n), deliver.Email(n))
	o.world.SetTrait(deliver.User(n), "firstName", fmt.Sprintf("%q", name))
}

func (o *office) reason(t *testing.T) []string {
	t.Helper()
	page, err := o.DeadLetters(t.Context(), "shoes", "", 100)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range page.Deliveries {
		out = append(out, d.Reason)
	}
	return out
}

func TestAMailComes(t *testing.T) {
	o := newOffice(t, "reply_to: help@segkicks.example", "", nil)
	o.person(1, "Jane")
	o.world.Set(deliver.User(1), "orders", 2)
	o.set(deliver.User(1), "vip", 1)
	o.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 1 })
	m := o.mails[0]
	for name, want := range map[string]string{
		"From": `"SegKicks" <shoes@segkicks.example>`, "To": "<p1@example.com>", "Subject": "Hello Jane", "Reply-To": "<help@segkicks.example>",
		"List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "Auto-Submitted": "auto-generated",
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	link := strings.Trim(m.Header.Get("List-Unsubscribe"), "<>")
	if !strings.HasPrefix(link, "https://profiles.example.com/unsubscribe/") || strings.Contains(link, "p1") {
		t.Errorf("List-Unsubscribe: %q", link)
	}
	if text := strings.ReplaceAll(o.bodies[0], "=\r\n", ""); !strings.Contains(text, "You ordered 2 times.") || !strings.Contains(text, "<p>You, Jane, are") {
		t.Errorf("%s", text)
	}
	// Leaving is not written about, and what turns out to be the same entry is not again.
	o.set(deliver.User(1), "vip", 0)
	o.drained(t)
	o.set(deliver.User(1), "vip", 1)
	o.until(t, func(s *deliver.Status) bool { return s.Counts.Dropped == 1 })
	if got := o.reason(t); !slices.Equal(got, []string{"the person was written to when he entered, and it is the same entry"}) {
		t.Errorf("%q", got)
	}
	// Coming again later: another mail.
	o.set(deliver.User(1), "vip", 0)
	o.drained(t)
	o.later(time.Minute)
	o.set(deliver.User(1), "vip", 1)
	o.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 2 })
	// Both are listed with the person, and what was not sent.
	var told []string
	list, err := o.ToldOf(t.Context(), "use_0001")
	for _, one := range list {
		told = append(told, fmt.Sprintf("%t %s %t %t", one.State == deliver.ToldByMail, one.Mail, one.At > 0, one.Since > 0))
	}
	if want := []string{"true vip_mail true true", "true vip_mail true true", "false vip_mail true true"}; err != nil || !slices.Equal(told, want) {
		t.Errorf("told %q, %v", told, err)
	}
	// A person is written to once, however many identifiers he has.
	o.world.Create(deliver.User(2), deliver.Email(2))
	o.set(deliver.User(2), "vip", 0)
	o.drained(t)
	if n := len(o.recipients()); n != 2 {
		t.Errorf("%d mails", n)
	}
}

// Traits are escaped, and never become headers.
func TestTraitsAreNoHeaders(t *testing.T) {
	o := newOffice(t, "", "", nil)
	o.world.Create(deliver.User(1), deliver.Email(1))
	o.world.SetTrait(deliver.User(1), "firstName", `"Jane\r\nBcc: all@example.com\r\n\r\n<script>alert(1)</script>\u202e\u0000"`)
	o.set(deliver.User(1), "vip", 1)
	o.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 1 })
	m := o.mails[0]
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != "Hello Jane Bcc: all@example.com <script>alert(1)</script>" {
		t.Errorf("the subject is %q, %v", subject, err)
	}
	if len(m.Header["Bcc"]) > 0 || !slices.Equal(o.recipients(), []string{"p1@example.com"}) {
		t.Errorf("headers %v, to %q", m.Header, o.recipients())
	}
	if html := strings.ReplaceAll(o.bodies[0][strings.Index(o.bodies[0], "text/html"):], "=\r\n", ""); strings.Contains(html, "<script>") {
		t.Errorf("%s", html)
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	o := newOffice(t, "", "", nil)
	for n, address := range []string{"a@b\r\nRCPT TO:<x@y>", "a b@c.d", "<a@b.c>", "a@b.c, d@e.f", "no-at-sign", "\"x y\"@b.c", "a..b@c.d", strings.Repeat("a", 70) + "@b.c"} {
		id := deliver.User(n + 1)
		o.world.Create(id, deliver.Identifier{Type: "email", Value: address})
		o.world.Set(id, "vip", 1)
	}
	o.Wake()
	o.until(t, func(s *deliver.Status) bool { return s.Counts.Dropped == 8 })
	if o.sessions != 0 {
		t.Error("the server was asked")
	}
}

// What waits is asked again when it is to be sent, and counts from the event that made
// it so.
func TestWaitAndStill(t *testing.T) {
	o := newOffice(t, "", "wait: 4h", nil)
	o.person(1, "Jane")
	o.person(2, "John")
	o.set(deliver.User(1), "vip", 1)
	o.set(deliver.User(2), "vip", 1)
	o.until(t, func(s *deliver.Status) bool { return s.Queued == 2 && !s.Behind })
	o.later(3 * time.Hour)
	o.drainedBut(t, 2)
	o.set(deliver.User(1), "vip", 0) // she bought on the other phone
	o.until(t, func(s *deliver.Status) bool { return s.Queued == 1 && !s.Behind })
	o.later(61 * time.Minute)
	o.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 1 && s.Queued == 0 })
	if got := o.recipients(); !slices.Equal(got, []string{"p2@example.com"}) {
		t.Errorf("mails went to %q", got)
	}
	// It was so long before it was known: nothing is left to wait for.
	o.person(3, "Late")
	o.world.Set(deliver.User(3), "vip", 1)
	o.clock.Add(5 * time.Hour)
	o.Wake()
	o.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 2 })
}

// drainedBut waits until everything was looked at, and n messages wait.
func (r *rig) drainedBut(t *testing.T, n int64) {
	t.Helper()
	r.Wake()
	r.until(t, func(s *deliver.Status) bool { return s.Queued == n && !s.Behind })
}

func TestQuotas(t *testing.T) {
	o := newOffice(t, "at_most: 2 in 7d", "", nil)
	o.person(1, "Jane")
	for range 3 {
		o.set(deliver.User(1), "vip", 1)
		o.until(t, func(s *deliver.Status) bool { return s.Queued == 0 && !s.Behind })
		o.set(deliver.User(1), "vip", 0)
		o.drained(t)
		o.clock.Add(time.Hour)
	}
	o.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 2 && s.Counts.Dropped == 1 })
	if got := o.reason(t); !slices.Equal(got, []string{"the person had 2 in 7d already"}) {
		t.Errorf("%q", got)
	}
	// The same person under another profile, once they are one.
	o.clock.Add(time.Minute)
	other := o.world.Create(deliver.User(2), deliver.Email(2))
	o.world.Merge(other, "use_0001")
	o.set(deliver.User(2), "vip", 1)
	o.until(t, func(s *deliver.Status) bool { return s.Counts.Dropped == 2 })
	// A week later there is room again.
	o.set(deliver.User(2), "vip", 0)
	o.drained(t)
	o.clock.Add(7 * 24 * time.Hour)
	o.set(deliver.User(2), "vip", 1)
	o.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 3 })
}

func TestSoManyInAnHour(t *testing.T) {
	o := newOffice(t, "per_hour: 3", "", nil)
	for n := 1; n <= 5; n++ {
		o.person(n, "Jane")
		o.world.Set(deliver.User(n), "vip", 1)
	}
	o.Wake()
	o.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 3 && s.Queued == 2 })
	o.later(30 * time.Minute)
	o.drainedBut(t, 2)
	o.later(31 * time.Minute)
	o.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 5 })
}

// A server that refuses half the recipients: the others get their mails, the refused
// ones are listed, and get none any more.
func TestHalfOfTheRecipientsAreRefused(t *testing.T) {
	o := newOffice(t, "", "", nil)
	o.rcpt = func(to string) error {
		var n int
		if _, err := fmt.Sscanf(to, "p%d@", &n); err != nil || n%2 == 0 {
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
		}
		return nil
	}
	for n := 1; n <= 10; n++ {
		o.person(n, "Jane")
		o.world.Set(deliver.User(n), "vip", 1)
	}
	o.Wake()
	o.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 5 && s.Counts.Refused == 5 && s.Queued == 0 })
	for _, r := range o.reason(t) {
		if r != "the mail server answered 550 5.1.1 to the address: it does not take mail" {
			t.Errorf("%q", r)
		}
	}
	o.change(func() { o.rcpt = nil })
	o.set(deliver.User(2), "vip", 0)
	o.drained(t)
	o.set(deliver.User(2), "vip", 1)
	o.until(t, func(s *deliver.Status) bool { return s.Counts.Dropped == 1 })
}

// A server that does not want mail of us says nothing about the mailbox.
func TestARelayThatIsDeniedIsNoBounce(t *testing.T) {
	for _, said := range []*smtp.SMTPError{
		{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "Relay access denied"},
		{Code: 550, EnhancedCode: smtp.NoEnhancedCode, Message: "relay not permitted"},
		{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 26}, Message: "unauthenticated mail is not accepted"},
	} {
		o := newOffice(t, "", "", nil)
		o.rcpt = func(string) error { return said }
		o.person(1, "Jane")
		o.set(deliver.User(1), "vip", 1)
		o.until(t, func(s *deliver.Status) bool { return s.Counts.Refused == 1 && s.Queued == 0 })
		if _, err := o.Suppression(t.Context(), "p1@example.com"); !errors.Is(err, deliver.ErrNotFound) {
			t.Errorf("%v: the address is suppressed: %v", said, err)
		}
	}
}

// A server that wants a login from one day on: nothing is lost, and the destination says so.
func TestALoginThatIsWantedLaterStops(t *testing.T) {
	o := newOffice(t, "", "", nil)
	o.login = "user password"
	o.person(1, "Jane")
	o.set(deliver.User(1), "vip", 1)
	o.until(t, func(s *deliver.Status) bool { return s.Stopped != nil && s.Queued == 1 })
	o.change(func() { o.login = "" })
	if err := o.EnableDestination(t.Context(), "shoes"); err != nil {
		t.Fatal(err)
	}
	o.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 1 })
}

func TestATemporaryRefusalIsTriedAgain(t *testing.T) {
	o := newOffice(t, "", "", nil)
	left := 2
	o.rcpt = func(string) error {
		if left--; left >= 0 {
			return &smtp.SMTPError{Code: 450, EnhancedCode: smtp.EnhancedCode{4, 2, 0}, Message: "greylisted"}
		}
		return nil
	}
	o.person(1, "Jane")
	o.set(deliver.User(1), "vip", 1)
	for range 20 {
		o.until(t, func(s *deliver.Status) bool { return s.Counts.Failures+s.Counts.Delivered > 0 })
		o.later(time.Second)
		if o.status(t).Counts.Delivered == 1 {
			break
		}
	}
	o.until(t, func(s *deliver.Status) bool {
		o.later(time.Second)
		return s.Counts.Delivered == 1 && s.Counts.Failures == 2
	})
}

// Whatever ends the connection once the mail was said: it is listed, and never sent
// again by itself.
func TestAnUnknownOutcomeIsNeverRepeated(t *testing.T) {
	o := newOffice(t, "timeout: 1s", "", nil)
	var asked sync.WaitGroup
	asked.Add(1)
	var once sync.Once
	hang := make(chan struct{})
	o.data = func() error {
		once.Do(asked.Done)
		<-hang
		return errors.New("too late")
	}
	o.person(1, "Jane")
	o.set(deliver.User(1), "vip", 1)
	asked.Wait()
	o.until(t, func(s *deliver.Status) bool { return s.Counts.Unknown == 1 && s.Queued == 0 })
	close(hang)
	o.change(func() { o.data = nil })
	if got := o.reason(t); !slices.Equal(got, []string{"the connection ended after the mail was sent and before the server said that it took it"}) {
		t.Errorf("%q", got)
	}
	o.later(48 * time.Hour)
	o.drainedBut(t, 0)
	if n := len(o.recipients()); n != 0 {
		t.Errorf("%d mails", n)
	}
	// People decide.
	page, err := o.DeadLetters(t.Context(), "shoes", "", 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.SendAgain(t.Context(), "shoes", page.Deliveries[0].Seq); err != nil {
		t.Fatal(err)
	}
	o.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 1 })
}

func TestUnsubscribing(t *testing.T) {
	o := newOffice(t, "", "", nil)
	handler := deliver.UnsubscribeHandler(slog.New(slog.DiscardHandler), func(_ context.Context, ks codec.Keyspace) (*deliver.Dispatcher, error) {
		if ks != codec.NewKeyspace(1) {
			return nil, deliver.ErrNotFound
		}
		return o.Dispatcher, nil
	})
	ask := func(method, link string) (int, string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(method, link, strings.NewReader("List-Unsubscribe=One-Click"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		handler.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	o.person(1, "Jane")
	o.set(deliver.User(1), "vip", 1)
	o.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 1 })
	link := strings.Trim(o.mails[0].Header.Get("List-Unsubscribe"), "<>")

	// A GET, as mail filters make it, only asks.
	if code, page := ask(http.MethodGet, link); code != http.StatusOK || !strings.Contains(page, "<button") {
		t.Errorf("%d %s", code, page)
	}
	again := func(want int64) {
		t.Helper()
		o.set(deliver.User(1), "vip", 0)
		o.drained(t)
		o.later(time.Second)
		o.set(deliver.User(1), "vip", 1)
		o.until(t, func(s *deliver.Status) bool {
			return s.Counts.Delivered+s.Counts.Dropped == want && s.Queued == 0 && !s.Behind
		})
	}
	again(2)
	for _, bad := range []string{link[:len(link)-1], link + "A", strings.Replace(link, "/AQ", "/Ag", 1), link[:len(link)-4] + "AAAA", "https://profiles.example.com/unsubscribe/"} {
		if code, _ := ask(http.MethodPost, bad); code != http.StatusNotFound {
			t.Errorf("%s: %d", bad, code)
		}
	}
	if code, page := ask(http.MethodPost, link); code != http.StatusOK || strings.Contains(page, "<button") {
		t.Errorf("%d %s", code, page)
	}
	if code, page := ask(http.MethodGet, link); code != http.StatusOK || strings.Contains(page, "<button") || !strings.Contains(page, "unsubscribed") {
		t.Errorf("%d %s", code, page)
	}
	if code, _ := ask(http.MethodPut, link); code != http.StatusMethodNotAllowed {
		t.Errorf("%d", code)
	}
	again(3)
	if s := o.status(t); s.Counts.Delivered != 2 || s.Counts.Dropped != 1 {
		t.Errorf("%+v", s.Counts)
	}
	if got := o.reason(t); !slices.Equal(got, []string{"the address has unsubscribed"}) {
		t.Errorf("%q", got)
	}
	// Whoever has the address next, in whatever letters, gets none either.
	o.world.Create(deliver.User(9), deliver.Identifier{Type: "email", Value: "P1@Example.com"})
	o.set(deliver.User(9), "vip", 1)
	o.until(t, func(s *deliver.Status) bool { return s.Counts.Dropped == 2 })
}

func TestOnlyVerifiedAddresses(t *testing.T) {
	o := newOffice(t, "require: {trait: email_verified}", "", nil)
	o.person(1, "Jane")
	o.person(2, "Mallory")
	o.world.SetTrait(deliver.User(1), "email_verified", "true")
	o.world.SetTrait(deliver.User(2), "email_verified", `"true"`)
	o.set(deliver.User(1), "vip", 1)
	o.set(deliver.User(2), "vip", 1)
	o.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 1 && s.Counts.Dropped == 1 })
	if got := o.recipients(); !slices.Equal(got, []string{"p1@example.com"}) {
		t.Errorf("%q", got)
	}
}

func TestEncryptionAndLogin(t *testing.T) {
	p := newPost(t, true)
	p.login = "shop hush"
	o := &office{post: p, clock: deliver.NewClock()}
	o.open(t, func(c *deliver.Config) { c.Roots = p.roots })
	document := func(password string) string {
		return strings.Replace(fmt.Sprintf(mailDocument, p.address, indented(6, "user: shop\npassword: "+password), ""), "smtp://", "starttls://", 1)
	}
	o.apply(t, document("wrong"))
	o.person(1, "Jane")
	o.set(deliver.User(1), "vip", 1)
	s := o.until(t, func(s *deliver.Status) bool { return s.Stopped != nil })
	if s.Stopped.Reason != "the mail server does not take our user and password" {
		t.Errorf("%+v", s.Stopped)
	}
	o.apply(t, document("hush"))
	o.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered == 1 && s.Stopped == nil })
	if text, err := o.DestinationsDocument(t.Context()); err != nil || strings.Contains(string(text), "hush") {
		t.Errorf("%s, %v", text, err)
	}

	// A certificate that nobody knows, and a server without STARTTLS: no mail.
	for name, c := range map[string]struct {
		p    *post
		want string
	}{
		"unknown certificate": {newPost(t, true), "the mail server: the certificate is signed by nobody that is trusted"},
		"no STARTTLS":         {newPost(t, false), "the mail server does not offer STARTTLS, and the settings want it"},
	} {
		o := &office{post: c.p, clock: deliver.NewClock()}
		o.open(t, nil)
		o.apply(t, strings.Replace(fmt.Sprintf(mailDocument, c.p.address, "", ""), "smtp://", "starttls://", 1))
		o.person(1, "Jane")
		o.set(deliver.User(1), "vip", 1)
		o.until(t, func(s *deliver.Status) bool { return s.Counts.LastReason == c.want })
		if len(c.p.recipients()) > 0 {
			t.Errorf("%s: a mail came", name)
		}
	}
}

// A server that is gone when the mail was begun: listed after the restart, not sent.
func TestAMailThatWasBegunIsNotSentAfterACrash(t *testing.T) {
	memory := deliver.StoreInMemory(t)
	clock := deliver.NewClock()
	p := newPost(t, false)
	w := deliver.NewWorld(deliver.TestKeys...)
	w.Follow(clock)
	config := func(c *deliver.Config) {
		c.Kinds, c.Now, c.PublicURL = map[string]deliver.Kind{"email": email.Kind{}}, clock.Now, publicURL
	}
	first := startOver(t, w, memory.Open(), config)
	begun, hang := make(chan struct{}), make(chan struct{})
	defer close(hang)
	p.data = func() error {
		close(begun)
		<-hang
		return errors.New("too late")
	}
	first.apply(t, fmt.Sprintf(mailDocument, p.address, "", ""))
	w.Create(deliver.User(1), deliver.Email(1))
	first.set(deliver.User(1), "vip", 1)
	<-begun
	p.change(func() { p.data = nil })

	// The process dies here: another one opens what is in the store.
	second := startOver(t, w, memory.Open(), config)
	s := second.until(t, func(s *deliver.Status) bool { return s.Counts.Unknown == 1 && s.Queued == 0 })
	if s.DeadLetters != 1 {
		t.Errorf("%+v", s)
	}
	clock.Add(48 * time.Hour)
	second.drainedBut(t, 0)
	if n := len(p.recipients()); n != 0 {
		t.Errorf("%d mails came", n)
	}
}

func TestADryRunAndATestMail(t *testing.T) {
	o := newOffice(t, "", "wait: 4h", nil)
	o.person(1, "Jane")
	o.person(2, "John")
	o.world.Create(deliver.User(3)) // without an address
	for n := 1; n <= 3; n++ {
		o.world.Set(deliver.User(n), "vip", 1)
	}
	if err := o.Suppress(t.Context(), "p2@example.com"); err != nil {
		t.Fatal(err)
	}
	page, err := o.DryRun(t.Context(), "shoes", "", 100)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range page.Previews {
		got = append(got, p.To+"|"+p.Subject+"|"+p.Withheld)
	}
	if want := []string{"p1@example.com|Hello Jane|it waits until 2026-01-01T04:00:00Z", "||the address has unsubscribed"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	outcome, err := o.TestDestination(t.Context(), "shoes", deliver.Test{To: "me@example.com", Profile: "use_0001"})
	if err != nil || outcome.Result != deliver.Delivered || !slices.Equal(o.recipients(), []string{"me@example.com"}) || o.mails[0].Header.Get("Subject") != "[Test] Hello Jane" {
		t.Errorf("%+v, %v, %q", outcome, err, o.recipients())
	}
	if outcome, err = o.TestDestination(t.Context(), "shoes", deliver.Test{To: "nobody"}); err != nil || outcome.Result != deliver.Refused {
		t.Errorf("%+v, %v", outcome, err)
	}
	if s := o.status(t); s.Counts.Delivered != 0 {
		t.Errorf("%+v", s.Counts)
	}
	// Whoever wants mails again gets them.
	if s, err := o.Suppression(t.Context(), "P2@example.com"); err != nil || s.Reason != deliver.Unsubscribed {
		t.Errorf("%+v, %v", s, err)
	}
	if err := o.Unsuppress(t.Context(), "p2@example.com"); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Suppression(t.Context(), "p2@example.com"); !errors.Is(err, deliver.ErrNotFound) {
		t.Error(err)
	}
}
