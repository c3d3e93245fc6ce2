package main

import (
	"bytes"
	"math/rand/v2"

	"github.com/selfsame-id/selfsame/test/population"
	"github.com/selfsame-id/selfsame/test/wire"
)

// host is what requests name. They are made before there is a server.
const host = "127.0.0.1"

// arena keeps many requests in few, large pieces of memory.
type arena struct {
	block []byte
	all   [][]byte
}

const blockSize = 32 << 20

func (a *arena) add(path, authorization string, body []byte) {
	if need := len(body) + len(path) + 512; cap(a.block)-len(a.block) < need {
		a.block = make([]byte, 0, max(blockSize, need))
	}
	start := len(a.block)
	a.block = wire.AppendRequest(a.block, host, path, authorization, body)
	a.all = append(a.all, a.block[start:len(a.block):len(a.block)])
}

// batches makes requests of /v1/batch until there are that many events, or the
// stream ends.
func batches(s events, size, events int) [][]byte {
	var a arena
	auth := wire.Basic(writeKey)
	var body []byte
	for events > 0 {
		body = append(body[:0], `{"batch":[`...)
		n := 0
		for ; n < min(size, events); n++ {
			line := s.Next()
			if line == nil {
				break
			}
			if n > 0 {
				body = append(body, ',')
			}
			body = append(body, line...)
		}
		if n == 0 {
			break
		}
		a.add("/v1/batch", auth, append(body, "]}"...))
		events -= n
	}
	return a.all
}

// singles makes one request of /v1/track, /v1/page, ... for each event.
func singles(s events, events int) [][]byte {
	var a arena
	auth := wire.Basic(writeKey)
	for ; events > 0; events-- {
		line := s.Next()
		if line == nil {
			break
		}
		a.add("/v1/"+call(line), auth, line)
	}
	return a.all
}

// call reads the type of an event, which the population writes first.
func call(line []byte) string {
	rest := bytes.TrimPrefix(line, []byte(`{"type":"`))
	return string(rest[:bytes.IndexByte(rest, '"')])
}

const profilesPath = "/v1/spaces/dev/collections/users/profiles/"

// traitsOf makes requests of the traits of people that were loaded, all alike.
func traitsOf(c population.Config, n int) [][]byte {
	var a arena
	auth := wire.Basic(token)
	random := rand.New(rand.NewPCG(c.Seed, 78))
	for range n {
		key := c.Key(random.IntN(c.People))
		a.add(profilesPath+key.Type+":"+key.Value+"/traits?limit=20", auth, nil)
	}
	return a.all
}

// lookups makes requests of the Profile API for people that were loaded: all
// alike, or a few far more often than others.
func lookups(c population.Config, n int, skewed bool) [][]byte {
	var a arena
	auth := wire.Basic(token)
	random := rand.New(rand.NewPCG(c.Seed, 77))
	// One in ten thousand people has a third of the reads or so.
	zipf := rand.NewZipf(random, 1.1, 20, uint64(c.People-1))
	for range n {
		i := random.IntN(c.People)
		if skewed {
			// The popular ones are spread over all who ever came.
			i = int(zipf.Uint64() * 7919 % uint64(c.People))
		}
		key := c.Key(i)
		path := profilesPath + key.Type + ":" + key.Value
		switch x := random.IntN(10); {
		case x < 5:
			path += "/traits?limit=20"
		case x < 7:
			path += "/external_ids"
		case x < 9:
			path += "/events?limit=10"
		default:
			path += "/metadata"
		}
		a.add(path, auth, nil)
	}
	return a.all
}
