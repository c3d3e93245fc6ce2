package wire

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// Conn is a connection to a server.
type Conn struct {
	conn    net.Conn
	timeout time.Duration
	buf     []byte // buf[r:w] was read and not looked at
	r, w    int
	body    []byte // of chunked answers
}

// Response is an answer.
type Response struct {
	Status     int
	Body       []byte // valid until the next request
	RetryAfter string
	Close      bool // the server closes the connection
}

// Dial connects. The timeout is for the connection, and then for every request.
func Dial(addr string, timeout time.Duration) (*Conn, error) {
	c, err := net.DialTimeout("tcp", addr, timeout)
	if err != nil {
		return nil, err
	}
	return &Conn{conn: c, timeout: timeout, buf: make([]byte, 16<<10)}, nil
}

// Close closes the connection.
func (c *Conn) Close() error { return c.conn.Close() }

// Do sends a request and reads the answer.
func (c *Conn) Do(request []byte) (Response, error) {
	if err := c.conn.SetDeadline(time.Now().Add(c.timeout)); err != nil {
		return Response{}, err
	}
	if _, err := c.conn.Write(request); err != nil {
		// The server may have refused what it did not want to read.
		if resp, rerr := c.read(); rerr == nil {
			resp.Close = true
			return resp, nil
		}
		return Response{}, err
	}
	return c.read()
}

var errForm = errors.New("the answer is not HTTP/1.1")

// Send sends bytes and waits for no answer.
func (c *Conn) Send(bytes []byte) error {
	if err := c.conn.SetDeadline(time.Now().Add(c.timeout)); err != nil {
		return err
	}
	_, err := c.conn.Write(bytes)
	return err
}

func (c *Conn) read() (resp Response, err error) {
	head, err := c.until([]byte("\r\n\r\n"))
	if err != nil {
		return resp, err
	}
	if len(head) < 12 || !bytes.HasPrefix(head, []byte("HTTP/1.1 ")) {
		return resp, fmt.Errorf("%w: %.60q", errForm, head)
	}
	if resp.Status, err = strconv.Atoi(string(head[9:12])); err != nil {
		return resp, errForm
	}
	length, chunked := -1, false
	_, rest, _ := bytes.Cut(head, []byte("\r\n"))
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue
		}
		// Most lines are of no interest; their length says so.
		switch len(name) {
		case len("Content-Length"):
			if bytes.EqualFold(name, []byte("Content-Length")) {
				if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
					return resp, errForm
				}
			}
		case len("Transfer-Encoding"):
			chunked = chunked || bytes.EqualFold(name, []byte("Transfer-Encoding"))
		case len("Connection"):
			resp.Close = resp.Close || bytes.EqualFold(name, []byte("Connection")) && bytes.EqualFold(bytes.TrimSpace(value), []byte("close"))
		}
		if len(name) == len("Retry-After") && bytes.EqualFold(name, []byte("Retry-After")) {
			resp.RetryAfter = string(bytes.TrimSpace(value))
		}
	}
	switch {
	case chunked:
		resp.Body, err = c.chunks()
	case length >= 0:
		resp.Body, err = c.exactly(length)
	case resp.Status == 204 || resp.Status == 304:
	default:
		return resp, errForm
	}
	return resp, err
}

// fill reads more, after making room for at least one more byte.
func (c *Conn) fill() error {
	if c.r > 0 {
		copy(c.buf, c.buf[c.r:c.w])
		c.w -= c.r
		c.r = 0
	}
	if c.w == len(c.buf) {
		c.buf = append(c.buf, make([]byte, len(c.buf))...)
	}
	n, err := c.conn.Read(c.buf[c.w:])
	c.w += n
	if n > 0 {
		return nil
	}
	return err
}

// until reads up to a mark, which it leaves out.
func (c *Conn) until(mark []byte) ([]byte, error) {
	for {
		if i := bytes.Index(c.buf[c.r:c.w], mark); i >= 0 {
			out := c.buf[c.r : c.r+i]
			c.r += i + len(mark)
			return out, nil
		}
		if c.w-c.r > 1<<20 {
			return nil, errForm
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

func (c *Conn) exactly(n int) ([]byte, error) {
	for c.w-c.r < n {
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
	out := c.buf[c.r : c.r+n]
	c.r += n
	return out, nil
}

func (c *Conn) chunks() ([]byte, error) {
	c.body = c.body[:0]
	for {
		line, err := c.until([]byte("\r\n"))
		if err != nil {
			return nil, err
		}
		n, err := strconv.ParseUint(string(line), 16, 31)
		if err != nil {
			return nil, errForm
		}
		part, err := c.exactly(int(n) + 2)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return c.body, nil
		}
		c.body = append(c.body, part[:n]...)
	}
}
