package yardstick

import (
	"bytes"
	"syscall"
	"time"

	"github.com/valyala/fastjson"
)

// Core is what one core did.
type Core struct {
	Events int           // read
	Groups int           // of IDs, after the last time round
	Wall   time.Duration // what it took
	CPU    time.Duration // user and system time of the process meanwhile
}

// ReadAndJoin reads events, one a line, and joins the IDs that come together,
// from the beginning again and again until at least that much time has passed.
// It uses one core if the process has one (GOMAXPROCS=1).
func ReadAndJoin(lines []byte, least time.Duration) (c Core, err error) {
	cpu, began := ownCPU(), time.Now()
	for c.Events == 0 || time.Since(began) < least {
		j := newJoiner()
		for rest := lines; len(rest) > 0; {
			line := rest
			if i := bytes.IndexByte(rest, '\n'); i >= 0 {
				line, rest = rest[:i], rest[i+1:]
			} else {
				rest = nil
			}
			if err := j.take(line); err != nil {
				return c, err
			}
			c.Events++
		}
		c.Groups = j.groups()
		if c.Events == 0 {
			break
		}
	}
	c.Wall, c.CPU = time.Since(began), ownCPU()-cpu
	return c, nil
}

// joiner is a union-find over IDs. It takes an ID as it is written, but for the
// case of addresses: no limits, no blocked values, no order of time.
type joiner struct {
	parser fastjson.Parser
	number map[string]int32
	parent []int32
	key    []byte // an ID with its type, before it is looked up
	last   int32  // an ID of the message at hand; -1: none yet
}

func newJoiner() *joiner { return &joiner{number: map[string]int32{}} }

func (j *joiner) take(line []byte) error {
	v, err := j.parser.ParseBytes(line)
	if err != nil {
		return err
	}
	j.last = -1
	j.add("user_id", v.GetStringBytes("userId"))
	j.add("anonymous_id", v.GetStringBytes("anonymousId"))
	j.add("email", bytes.ToLower(v.GetStringBytes("traits", "email")))
	j.add("email", bytes.ToLower(v.GetStringBytes("properties", "email")))
	context := v.Get("context")
	j.add("email", bytes.ToLower(context.GetStringBytes("traits", "email")))
	if device := context.Get("device"); device != nil {
		switch string(device.GetStringBytes("type")) {
		case "ios":
			j.add("ios.id", device.GetStringBytes("id"))
			j.add("ios.push_token", device.GetStringBytes("token"))
		case "android":
			j.add("android.id", device.GetStringBytes("id"))
			j.add("android.push_token", device.GetStringBytes("token"))
		}
	}
	j.add("ga_client_id", context.GetStringBytes("integrations", "Google Analytics", "clientId"))
	for _, id := range context.GetArray("externalIds") {
		j.add(string(id.GetStringBytes("type")), id.GetStringBytes("id"))
	}
	return nil
}

// add joins an ID with the others of the message.
func (j *joiner) add(kind string, value []byte) {
	if len(value) == 0 {
		return
	}
	j.key = append(append(append(j.key[:0], kind...), ':'), value...)
	n, known := j.number[string(j.key)]
	if !known {
		n = int32(len(j.parent))
		j.parent = append(j.parent, n)
		j.number[string(j.key)] = n
	}
	if j.last >= 0 {
		j.parent[j.root(n)] = j.root(j.last)
	}
	j.last = n
}

func (j *joiner) root(n int32) int32 {
	for j.parent[n] != n {
		j.parent[n] = j.parent[j.parent[n]]
		n = j.parent[n]
	}
	return n
}

// groups counts who is left.
func (j *joiner) groups() (n int) {
	for i, p := range j.parent {
		if int32(i) == p {
			n++
		}
	}
	return n
}

func ownCPU() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
