package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	mail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/deliver/outgoing"
)

// compose makes the message. No header comes from a trait but the subject, which is
// one line, and the address.
func (s *sender) compose(id string, p *plan) (*mail.Msg, error) {
	m := mail.NewMsg(mail.WithEncoding(mail.EncodingQP))
	if err := m.FromFormat(s.from.Name, s.from.Address); err != nil {
		return nil, err
	}
	if err := m.To(p.to); err != nil {
		return nil, err
	}
	if s.replyTo != nil {
		if err := m.ReplyToFormat(s.replyTo.Name, s.replyTo.Address); err != nil {
			return nil, err
		}
	}
	m.Subject(p.written.subject)
	_, domain, _ := strings.Cut(s.from.Address, "@")
	m.SetMessageIDWithValue(id + "@" + domain)
	m.SetDateWithValue(s.env.Now())
	m.SetGenHeader(mail.HeaderXMailer, "Selfsame")
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	if p.unsubscribe != "" { // RFC 8058
		m.SetGenHeader(mail.HeaderListUnsubscribe, "<"+p.unsubscribe+">")
		m.SetGenHeader(mail.HeaderListUnsubscribePost, "List-Unsubscribe=One-Click")
	}
	switch {
	case p.written.text == "":
		m.SetBodyString(mail.TypeTextHTML, p.written.html)
	case p.written.html == "":
		m.SetBodyString(mail.TypeTextPlain, p.written.text)
	default:
		m.SetBodyString(mail.TypeTextPlain, p.written.text)
		m.AddAlternativeString(mail.TypeTextHTML, p.written.html)
	}
	return m, nil
}

// pool keeps a few connections to the server for the mails that come soon.
type pool struct {
	*settings
	env deliver.Environment

	mu   sync.Mutex
	idle []*connection
}

type connection struct {
	client *mail.Client
	smtp   *smtp.Client
	since  time.Time
}

// idleTime is how long a connection is kept that nobody uses.
const idleTime = 20 * time.Second

func newPool(e *settings, env deliver.Environment) *pool { return &pool{settings: e, env: env} }

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.idle {
		c.close()
	}
	p.idle = nil
}

func (c *connection) close() {
	_ = c.client.CloseWithSMTPClient(c.smtp) // nothing depends on it
}

// take takes a connection that is idle; nil: there is none.
func (p *pool) take() *connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		c := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if time.Since(c.since) < idleTime {
			return c
		}
		c.close()
	}
	return nil
}

func (p *pool) put(c *connection) {
	c.since = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, c)
}

// dial opens a connection, encrypted and logged in as the settings say.
func (p *pool) dial(ctx context.Context) (*connection, error) {
	config := &tls.Config{ServerName: p.host, MinVersion: tls.VersionTLS12, RootCAs: p.env.Roots}
	dialer := p.env.Guard.Dialer(p.timeout)
	policy := map[security]mail.TLSPolicy{opportunistic: mail.TLSOpportunistic, mandatory: mail.TLSMandatory, implicit: mail.NoTLS}[p.security]
	options := []mail.Option{
		mail.WithPort(p.port), mail.WithTimeout(p.timeout), mail.WithTLSPolicy(policy), mail.WithTLSConfig(config), mail.WithoutNoop(),
		mail.WithDialContextFunc(func(ctx context.Context, _, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, "tcp", address)
			if err != nil || p.security != implicit {
				return conn, err
			}
			secure := tls.Client(conn, config)
			if err := secure.HandshakeContext(ctx); err != nil {
				_ = conn.Close()
				return nil, err
			}
			return secure, nil
		}),
	}
	if p.user != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(p.user), mail.WithPassword(p.password))
	}
	client, err := mail.NewClient(p.host, options...)
	if err != nil {
		return nil, err
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return nil, err
	}
	return &connection{client: client, smtp: conn}, nil
}

// deliver gives a mail to the server.
func (p *pool) deliver(ctx context.Context, m *mail.Msg) deliver.Outcome {
	c := p.take()
	if c != nil {
		// Whether the connection is still there is asked before anything is said.
		if err := c.smtp.Noop(); err != nil {
			c.close()
			c = nil
		}
	}
	if c == nil {
		var err error
		if c, err = p.dial(ctx); err != nil {
			return notConnected(err)
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = c.smtp.UpdateDeadline(-time.Second) })
	defer stop()
	err := c.client.SendWithSMTPClient(c.smtp, m)
	if err == nil {
		p.put(c)
		return deliver.Outcome{Result: deliver.Delivered}
	}
	o := said(err, m)
	var failure *mail.SendError
	if errors.As(err, &failure) && failure.ErrorCode() != 0 && failure.Reason != mail.ErrSMTPReset {
		p.put(c) // the server refused this mail, and goes on
	} else {
		c.close()
	}
	return o
}

// notConnected says why there is no connection.
func notConnected(err error) deliver.Outcome {
	text := err.Error()
	var answer *textproto.Error
	switch {
	case errors.As(err, &answer) && notLoggedIn(answer.Code):
		return deliver.Outcome{Result: deliver.Disabled, Reason: "the mail server does not take our user and password"}
	case errors.Is(err, mail.ErrNoSupportedAuthDiscovered), errors.Is(err, mail.ErrPlainAuthNotSupported), errors.Is(err, mail.ErrNoActiveConnection):
		return deliver.Outcome{Result: deliver.Retry, Reason: "the mail server offers no way to log in that is safe", Trouble: true}
	case strings.Contains(text, "STARTTLS"):
		return deliver.Outcome{Result: deliver.Retry, Reason: "the mail server does not offer STARTTLS, and the settings want it", Trouble: true}
	}
	return deliver.Outcome{Result: deliver.Retry, Reason: "the mail server: " + outgoing.Explain(err), Trouble: true}
}

// notLoggedIn reports whether an answer is about who we are (RFC 4954, 6).
func notLoggedIn(code int) bool { return code == 530 || code == 534 || code == 535 || code == 538 }

// enhanced are the status codes of RFC 3463. Some servers write them without announcing that.
var enhanced = regexp.MustCompile(`\b5\.\d{1,3}\.\d{1,3}\b`)

// noMailbox reports whether an answer to RCPT TO says that the address has no mailbox, or
// one that is closed. Servers answer with the same codes when they do not want mail of us, or
// do not relay it; then the status (5.1 is about the address, 5.2.1 a mailbox that is
// disabled) or the words tell.
func noMailbox(code int, said string) bool {
	switch status := enhanced.FindString(said); {
	case strings.Contains(strings.ToLower(said), "relay"):
		return false
	case status == "5.1.7", status == "5.1.8": // about the sender's address
		return false
	case status != "":
		return strings.HasPrefix(status, "5.1.") || status == "5.2.1"
	}
	return code == 550 || code == 551 || code == 553
}

// said says what became of a mail whose dialogue did not end well.
func said(err error, m *mail.Msg) deliver.Outcome {
	var e *mail.SendError
	if !errors.As(err, &e) {
		return deliver.Outcome{Result: deliver.Unknown, Reason: "the mail server: " + outgoing.Explain(err)}
	}
	code := e.ErrorCode()
	answered := "the mail server answered " + strconv.Itoa(code)
	if s := e.EnhancedStatusCode(); s != "" {
		answered += " " + s
	}
	temporary := deliver.Outcome{Result: deliver.Retry, Reason: answered, Trouble: true}
	if code == 0 {
		temporary.Reason = "the mail server: " + outgoing.Explain(err)
	}
	switch {
	case e.Reason == mail.ErrSMTPReset, e.Reason == mail.ErrSMTPDataClose: // the mail may be there
	case notLoggedIn(code):
		return deliver.Outcome{Result: deliver.Disabled, Reason: answered + ": it does not take mails of our user and password"}
	}
	switch e.Reason {
	case mail.ErrSMTPReset:
		if m.IsDelivered() {
			return deliver.Outcome{Result: deliver.Delivered} // what came after it does not matter
		}
		return temporary
	case mail.ErrSMTPRcptTo:
		switch {
		case code >= 500 && noMailbox(code, e.Error()):
			return deliver.Outcome{Result: deliver.Refused, Reason: answered + " to the address: it does not take mail", Bounced: "recipient"}
		case code >= 500:
			return deliver.Outcome{Result: deliver.Refused, Reason: answered + " to the address, which says nothing against the mailbox"}
		}
		temporary.Trouble = code == 0 || code == 421 || code == 451 || code == 452 // others speak of the address
		return temporary
	case mail.ErrSMTPDataClose:
		switch {
		case code == 0:
			return deliver.Outcome{Result: deliver.Unknown, Reason: "the connection ended after the mail was sent and before the server said that it took it"}
		case code >= 500:
			return deliver.Outcome{Result: deliver.Refused, Reason: answered + " to the mail"}
		}
		return temporary
	case mail.ErrSMTPMailFrom, mail.ErrSMTPData:
		if code >= 500 {
			return deliver.Outcome{Result: deliver.Refused, Reason: fmt.Sprintf("%s before the mail was sent", answered)}
		}
		return temporary
	case mail.ErrWriteContent, mail.ErrConnCheck:
		// Without the end of the mail no server delivers it (RFC 5321, 4.1.1.4).
		return temporary
	}
	return deliver.Outcome{Result: deliver.Unknown, Reason: "the mail server: " + outgoing.Explain(err)}
}
