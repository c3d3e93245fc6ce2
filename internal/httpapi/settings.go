package httpapi

import (
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/httpapi/peer"
	"github.com/selfsame-id/selfsame/internal/httpapi/tracking"
)

// Settings are what people may want different. Zero values are the defaults.
type Settings struct {
	// AdminToken opens /api/; without one it is shut.
	AdminToken string

	// PublicURL is where clients reach the server, such as
	// https://events.example.com, for the settings that SDKs load. Default: as
	// the client asked for it.
	PublicURL string

	// Hosts are further names under which a browser on this machine may ask.
	Hosts []string

	// Proxies are whose word is taken about who sent a request and how; default
	// those on this machine.
	Proxies peer.Proxies

	// MetricsToken opens /metrics, besides AdminToken, for who is not on this
	// machine; "": only AdminToken does.
	MetricsToken string

	// Limits are the sizes of messages and batches that clients are told;
	// default event.DefaultLimits.
	Limits event.Limits

	MaxRequestBytes    int           // of a tracking request, unpacked, taken rather than refused; default 4 MiB
	MaxRequestMessages int           // the same in messages; default 10,000
	BodyBudget         int64         // bytes of memory for all requests: bodies and what is made of them; default 256 MiB
	BodyPause          time.Duration // how long a body may bring nothing; default 10 s

	ImportBytes        int // of one request of an import, unpacked; default 8 MiB
	ImportMessageBytes int // of one message of an import; default 128 KiB

	// ProfileRate is how many requests a second one Profile API token may make;
	// default 50,000, negative: no limit.
	ProfileRate float64

	// Batching makes browsers send batches; nil: each message at once.
	Batching *tracking.Batching
}

func (s Settings) orDefaults() Settings {
	if s.Limits == (event.Limits{}) {
		s.Limits = event.DefaultLimits
	}
	if s.Proxies == nil {
		s.Proxies = peer.Loopback
	}
	s.MaxRequestBytes = max(orDefault(s.MaxRequestBytes, 4<<20), s.Limits.BatchBytes)
	s.MaxRequestMessages = max(orDefault(s.MaxRequestMessages, 10_000), s.Limits.BatchMessages)
	s.BodyBudget = orDefault(s.BodyBudget, 256<<20)
	s.BodyPause = orDefault(s.BodyPause, 10*time.Second)
	s.ImportBytes = orDefault(s.ImportBytes, 8<<20)
	s.ImportMessageBytes = orDefault(s.ImportMessageBytes, 128<<10)
	switch {
	case s.ProfileRate == 0:
		s.ProfileRate = 50_000
	case s.ProfileRate < 0:
		s.ProfileRate = 0
	}
	return s
}

func orDefault[T int | int64 | time.Duration](given, std T) T {
	if given > 0 {
		return given
	}
	return std
}
