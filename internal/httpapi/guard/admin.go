package guard

import (
	"crypto/sha256"
	"log/slog"
	"math/bits"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/httpapi/peer"
)

const (
	// freeGuesses are wrong tokens that an address may send before it has to
	// wait: people mistype, and paste the wrong one.
	freeGuesses = 5
	// mostWait bounds the wait, which doubles with every further guess.
	mostWait = time.Minute
	// forgive is after which time without a guess an address begins anew.
	forgive = 10 * time.Minute
	// mostAddresses bounds how many addresses are remembered.
	mostAddresses = 10_000
)

// Admin knows the admin token, and slows down those who guess it.
type Admin struct {
	is      func(secret string) bool
	proxies peer.Proxies
	now     func() time.Time
	log     *slog.Logger
	session func(r *http.Request) bool // nil: nobody signs in

	guessing atomic.Int64 // how many addresses are in guesses
	mu       sync.Mutex
	guesses  map[netip.Prefix]*guesses
}

// guesses are the wrong tokens of one address.
type guesses struct {
	count int
	last  [8][sha256.Size]byte // a client that repeats itself is no guesser
	at    time.Time
	until time.Time // nothing is looked at before
}

// NewAdmin makes the check. is reports whether a secret is the admin token.
func NewAdmin(is func(secret string) bool, proxies peer.Proxies, now func() time.Time, log *slog.Logger) *Admin {
	return &Admin{is: is, proxies: proxies, now: now, log: log, guesses: map[netip.Prefix]*guesses{}}
}

// Sessions lets requests without a secret pass that are of a session. It is called
// before the first Check.
func (a *Admin) Sessions(has func(r *http.Request) bool) { a.session = has }

// Check reports whether a secret is the admin token; of a request without one,
// whether it is of a session that began with the token. With an error, which says
// that the address has to wait, the secret was not looked at.
func (a *Admin) Check(r *http.Request, secret string) (bool, error) {
	if secret == "" {
		return a.session != nil && a.session(r), nil
	}
	if a.guessing.Load() > 0 {
		if wait := a.wait(r); wait > 0 {
			p := answer.New(http.StatusTooManyRequests, answer.RateLimit,
				"Too many wrong tokens came from this address. Wait, and check the token before you send it again.")
			p.RetryAfter = wait
			return false, p
		}
	}
	return a.is(secret), nil
}

func (a *Admin) wait(r *http.Request) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.guesses[a.address(r)]
	if g == nil && len(a.guesses) >= mostAddresses {
		g = a.guesses[netip.Prefix{}] // as Wrong has it
	}
	if g == nil {
		return 0
	}
	return g.until.Sub(a.now())
}

// Wrong notes that a secret was no token of any kind.
func (a *Admin) Wrong(r *http.Request, secret string) {
	if secret == "" {
		return
	}
	digest := sha256.Sum256([]byte(secret))
	from, now := a.address(r), a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.guesses[from]
	if g == nil {
		if len(a.guesses) >= mostAddresses {
			a.forget(now)
		}
		if len(a.guesses) >= mostAddresses {
			from = netip.Prefix{} // all others are one
			g = a.guesses[from]
		}
	}
	if g == nil || now.Sub(g.at) > forgive {
		g = &guesses{}
		a.guesses[from] = g
		a.guessing.Store(int64(len(a.guesses)))
	}
	g.at = now
	if slices.Contains(g.last[:min(g.count, len(g.last))], digest) {
		return
	}
	g.last[g.count%len(g.last)] = digest
	g.count++
	if over := g.count - freeGuesses; over > 0 {
		g.until = now.Add(min(mostWait, time.Second<<min(over-1, 10)))
	}
	if bits.OnesCount(uint(g.count)) == 1 { // the 1st, 2nd, 4th, 8th, …
		a.log.LogAttrs(r.Context(), slog.LevelWarn, "wrong admin token",
			slog.String("address", from.String()), slog.Int("guesses", g.count), slog.String("route", r.Pattern))
	}
}

// forget drops addresses that have been quiet for long.
func (a *Admin) forget(now time.Time) {
	for from, g := range a.guesses {
		if now.Sub(g.at) > forgive {
			delete(a.guesses, from)
		}
	}
	a.guessing.Store(int64(len(a.guesses)))
}

// address is by what guessers are told apart: a client of IPv6 has at least a
// network of 64 bits to itself.
func (a *Admin) address(r *http.Request) netip.Prefix {
	at := a.proxies.Address(r)
	size := 32
	if at.Is6() {
		size = 64
	}
	p, _ := at.WithZone("").Prefix(size)
	return p
}
