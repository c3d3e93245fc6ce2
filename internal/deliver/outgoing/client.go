package outgoing

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Options are what a destination may set of its connections.
type Options struct {
	// Timeout is how long an answer may take, from the beginning of the connection
	// to the end of what is read of the answer.
	Timeout time.Duration
	// Roots are who may sign the certificates of servers; nil: whom the system trusts.
	Roots *x509.CertPool
	// Connections is how many connections to one server are kept; 0: 16.
	Connections int
}

// mostAnswer bounds what is read of an answer, so that its connection can be used again.
const mostAnswer = 64 << 10

// Client makes a client of HTTP whose connections the guard checks.
func (g *Guard) Client(o Options) *http.Client {
	if o.Connections == 0 {
		o.Connections = 16
	}
	return &http.Client{
		Timeout: o.Timeout,
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            g.Dialer(o.Timeout).DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
			TLSHandshakeTimeout:    o.Timeout,
			ResponseHeaderTimeout:  o.Timeout,
			MaxResponseHeaderBytes: 32 << 10,
			MaxIdleConns:           o.Connections,
			MaxIdleConnsPerHost:    o.Connections,
			MaxConnsPerHost:        4 * o.Connections,
			IdleConnTimeout:        time.Minute,
			ForceAttemptHTTP2:      true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Drain reads the rest of an answer, up to a bound, and closes it. An error says
// that the answer was cut short.
func Drain(r *http.Response) error {
	n, err := io.Copy(io.Discard, io.LimitReader(r.Body, mostAnswer+1))
	closing := r.Body.Close()
	if n > mostAnswer {
		return nil // more than anybody wants; the connection is given up
	}
	return errors.Join(err, closing)
}

// RetryAfter reads the header of that name: seconds, or a date. 0: it does not say.
// It is never more than a day.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0
	}
	wait := time.Duration(0)
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		wait = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), 24*time.Hour)
}

// Explain says in plain words why a connection failed, without addresses that the
// resolver found and without what the other side wrote.
func Explain(err error) string {
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var timeout interface{ Timeout() bool }
	switch {
	case err == nil:
		return ""
	case errors.Is(err, ErrRefused):
		return ErrRefused.Error()
	case errors.As(err, &dns) && dns.IsNotFound:
		return "the host name does not exist"
	case errors.As(err, &dns):
		return "the host name could not be resolved"
	case errors.As(err, &name):
		return "the certificate is for another host"
	case errors.As(err, &unknown):
		return "the certificate is signed by nobody that is trusted"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate has expired or is not valid yet"
	case errors.As(err, &verify), errors.As(err, &invalid):
		return "the certificate is not valid"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed before the answer was complete"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "the host cannot be reached"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	}
	return "the connection failed"
}

// NotSent reports whether an error of a connection says that nothing was sent on it.
func NotSent(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	var verify *tls.CertificateVerificationError
	return errors.Is(err, ErrRefused) || errors.As(err, &dns) || errors.As(err, &verify) || errors.As(err, &op) && op.Op == "dial"
}

// CheckURL refuses addresses that no destination can have: anything but http and
// https, without a host, with a user or a fragment in it.
func CheckURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("is not a URL; write it like https://example.com/hook")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("begins with %q; only http:// and https:// are possible", u.Scheme+":")
	case u.Hostname() == "":
		return nil, errors.New("names no host; write it like https://example.com/hook")
	case u.User != nil:
		return nil, errors.New("has a user name in it, where logs would show it; use the setting headers or secret")
	case u.Fragment != "":
		return nil, errors.New("has a fragment (#…), which is never sent")
	}
	return u, nil
}
