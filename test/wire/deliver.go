package wire

import (
	"net"
	"strconv"
	"time"
)

// tries bounds how often Deliver sends a request.
const tries = 60

// Deliver sends a request and, as Segment's SDKs do, sends it again while the server
// answers that it cannot take it now: 429 or 503, after what Retry-After says. The last
// answer is returned when the server has said so 60 times.
func (c *Conn) Deliver(request []byte) (Response, error) {
	for try := 1; ; try++ {
		resp, err := c.Do(request)
		if err != nil || resp.Status != 429 && resp.Status != 503 || try == tries {
			return resp, err
		}
		time.Sleep(Pause(resp.RetryAfter))
		if resp.Close {
			conn, err := net.DialTimeout("tcp", c.conn.RemoteAddr().String(), c.timeout)
			if err != nil {
				return resp, err
			}
			_ = c.conn.Close()
			c.conn, c.r, c.w = conn, 0, 0
		}
	}
}

// Pause is how long a client waits that was told to come back: the seconds of
// Retry-After, at most 10 of them, and 50 ms if there are none.
func Pause(retryAfter string) time.Duration {
	seconds, err := strconv.Atoi(retryAfter)
	if err != nil || seconds < 1 {
		return 50 * time.Millisecond
	}
	return min(time.Duration(seconds)*time.Second, 10*time.Second)
}
