package email

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/deliver"
)

// Kind is the kind of destinations.
type Kind struct{}

// settings are those of one destination.
type settings struct {
	host           string
	port           int
	security       security
	user, password string
	from           *mail.Address
	replyTo        *mail.Address
	perPerson      quota
	perAddress     quota
	hour           int
	timeout        time.Duration
	require        requirement
	mails          []*letter
}

// security is how a connection is encrypted.
type security int

const (
	opportunistic security = iota // smtp://: STARTTLS where the server offers it
	mandatory                     // starttls://
	implicit                      // smtps://
)

// Remembers implements deliver.Rememberer: the longest time in which mails are counted.
func (s *settings) Remembers() time.Duration { return max(s.perPerson.in, s.perAddress.in) }

// quota is at most count mails in a time. The zero quota sets no bound.
type quota struct {
	count int
	in    time.Duration
	text  string
}

// requirement is what has to be so of who gets a mail.
type requirement struct {
	trait   string   // a trait that is true
	sources []string // one of which set the address
}

// letter is one mail of the destination.
type letter struct {
	deliver.Subscription
	content
}

// Parse implements deliver.Kind.
func (Kind) Parse(s *deliver.Section, d *deliver.Definition) deliver.Settings {
	e := &settings{
		user: s.Text("user"), password: s.Secret("password"),
		perPerson: parseQuota(s, "at_most"), perAddress: parseQuota(s, "at_most_per_address"), hour: s.Number("per_hour", 0, 1, 1_000_000),
		timeout: s.Duration("timeout", 30*time.Second, time.Second, 5*time.Minute),
	}
	e.parseServer(s)
	e.from, e.replyTo = parseAddress(s, "from", true), parseAddress(s, "reply_to", false)
	if r := s.Section("require"); r != nil {
		e.require = requirement{r.Text("trait"), r.Texts("source")}
		r.Close()
	}
	s.Each("mails", func(name string, m *deliver.Section) {
		e.mails = append(e.mails, parseLetter(name, m))
		m.Close()
	})
	if len(e.mails) == 0 {
		s.Mistake("mails", "is missing; name each mail with its audience, subject and text")
	}
	if len(d.Send.Traits.Keys)+len(d.Send.Audiences.Keys) > 0 || d.Send.Traits.All || d.Send.Audiences.All || d.Send.Merges || d.Send.Events != nil {
		s.Mistake("mails", "say which audiences are written to; leave traits, audiences, merges and events out of send")
	}
	if len(d.Identifiers) > 0 {
		s.Mistake("mails", "go to the e-mail address of a person; leave identifiers out")
	}
	return e
}

func (e *settings) parseServer(s *deliver.Section) {
	text := s.Required("server")
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		s.Mistake("server", "is %q; write it like smtp://mail.example.com:25, starttls://mail.example.com:587 or smtps://mail.example.com:465", text)
		return
	}
	if u.User != nil {
		s.Mistake("server", "has a user in it, where logs would show it; use user and password")
	}
	switch u.Scheme {
	case "smtp":
		e.security, e.port = opportunistic, 25
	case "starttls":
		e.security, e.port = mandatory, 587
	case "smtps":
		e.security, e.port = implicit, 465
	default:
		s.Mistake("server", "begins with %q; it can be smtp://, starttls:// and smtps://", u.Scheme+":")
	}
	e.host = u.Hostname()
	if p := u.Port(); p != "" {
		if e.port, err = strconv.Atoi(p); err != nil || e.port < 1 || e.port > 65535 {
			s.Mistake("server", "has no port %s", p)
		}
	}
	if (e.user == "") != (e.password == "" && !s.Has("password")) {
		s.Mistake("user", "and password belong together; one of them is missing")
	}
	ip := net.ParseIP(e.host)
	if e.user != "" && e.security == opportunistic && e.host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		s.Mistake("server", "may send the password unencrypted; use starttls:// or smtps://")
	}
}

func parseAddress(s *deliver.Section, key string, required bool) *mail.Address {
	text := s.Text(key)
	if required {
		text = s.Required(key)
	}
	if text == "" {
		return nil
	}
	a, err := mail.ParseAddress(text)
	if err != nil || !deliverable(a.Address) {
		s.Mistake(key, "is %q; write it like SegKicks <shoes@segkicks.example>", text)
		return nil
	}
	return a
}

var quotaForm = regexp.MustCompile(`^([1-9]\d{0,4}) in (\S+)$`)

func parseQuota(s *deliver.Section, key string) quota {
	text := s.Text(key)
	if text == "" {
		return quota{}
	}
	m := quotaForm.FindStringSubmatch(text)
	if m == nil {
		s.Mistake(key, "is %q; write it like 2 in 7d", text)
		return quota{}
	}
	n, _ := strconv.Atoi(m[1]) // up to five digits
	in, err := deliver.ParseSpan(m[2])
	if err != nil || in == 0 || in > 366*24*time.Hour {
		s.Mistake(key, "is %q; the time is one like 12h or 7d, up to a year", text)
		return quota{}
	}
	return quota{n, in, text}
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

func parseLetter(name string, s *deliver.Section) *letter {
	l := &letter{Subscription: deliver.Subscription{
		Name: name, Audience: s.Required("audience"), Wait: s.Duration("wait", 0, 0, 366*24*time.Hour), Still: true,
	}}
	if !nameForm.MatchString(name) {
		s.Mistake("audience", "belongs to the mail %q; its name has up to 64 of a to z, 0 to 9 and _, and begins with a letter", name)
	}
	if s.Has("still") {
		l.Still = s.Bool("still")
	}
	subject, text, html := s.Required("subject"), s.Text("text"), s.Text("html")
	if text == "" && html == "" {
		s.Mistake("text", "is missing; a mail has a text, or html, or both")
	}
	c, err := newContent(subject, text, html)
	var bad *templateError
	if errors.As(err, &bad) {
		s.Mistake(bad.part, "%s", bad.err)
	}
	l.content = c
	return l
}

// Limits implements deliver.Settings.
func (e *settings) Limits() deliver.Limits {
	return deliver.Limits{Batch: 1, Workers: 4, AtMostOnce: true, PerPerson: true, Hour: e.hour}
}

// Subscriptions implements deliver.Settings.
func (e *settings) Subscriptions() []deliver.Subscription {
	out := []deliver.Subscription{}
	for _, l := range e.mails {
		out = append(out, l.Subscription)
	}
	return out
}

// Open implements deliver.Settings.
func (e *settings) Open(env deliver.Environment) (deliver.Sender, error) {
	if env.Mail == nil {
		return nil, fmt.Errorf("there is nowhere to remember mails")
	}
	return newSender(e, env), nil
}

// letterOf is the mail with a name; nil: there is none any more.
func (e *settings) letterOf(name string) *letter {
	for _, l := range e.mails {
		if l.Name == name {
			return l
		}
	}
	return nil
}
