package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/httpapi/peer"
)

const (
	// Idle is how long a session lasts without a request.
	Idle = time.Hour
	// Most is how long a session lasts whatever is done in it.
	Most = 12 * time.Hour
	// mostSessions bounds how many there are at once; the one that was idle for
	// longest makes room.
	mostSessions = 1000
)

// The names of the cookie. Browsers take one that begins with __Host- only over
// TLS, for this host alone, and from nobody else.
const (
	cookieTLS   = "__Host-selfsame"
	cookiePlain = "selfsame"
)

// Keeper keeps sessions beyond the life of a process and for other nodes, under the
// hashes of their secrets; see package catalog.
type Keeper interface {
	Session(ctx context.Context, hash [sha256.Size]byte) (*catalog.Session, error)
	BeginSession(ctx context.Context, hash [sha256.Size]byte, s catalog.Session, ended func(*catalog.Session) bool, most int) error
	TouchSession(ctx context.Context, hash [sha256.Size]byte, seen time.Time) error
	EndSession(ctx context.Context, hash [sha256.Size]byte) error
}

const (
	// askEvery is how long what the keeper says of a session is believed: so long one that
	// was ended at another node, or by a new admin token, may last here.
	askEvery = 5 * time.Second
	// touchEvery is how often the keeper learns that a session is used.
	touchEvery = time.Minute
)

// Store holds the sessions that a process knows. Its methods may be called at the same
// time.
type Store struct {
	now     func() time.Time
	proxies peer.Proxies
	keeper  Keeper                           // nil: sessions end with the process
	token   func(ctx context.Context) []byte // tells admin tokens apart

	mu   sync.Mutex
	open map[[sha256.Size]byte]*state
}

type state struct {
	began, seen    time.Time
	asked, touched time.Time // when the keeper was asked of it, and told that it is used
}

// NewStore makes an empty store. proxies say whether a browser came over TLS.
func NewStore(now func() time.Time, proxies peer.Proxies) *Store {
	return &Store{now: now, proxies: proxies, open: map[[sha256.Size]byte]*state{}}
}

// Keep has sessions kept. They end when token, which tells admin tokens apart, changes.
// It is called before the first request.
func (s *Store) Keep(k Keeper, token func(ctx context.Context) []byte) { s.keeper, s.token = k, token }

// Has reports whether a request is of a session, and so keeps it from idling. A
// request with credentials of its own stands for itself, not for its cookie.
func (s *Store) Has(r *http.Request) bool {
	_, ok := s.until(r)
	return ok
}

// until is when the session of a request ends if nothing else is done in it.
func (s *Store) until(r *http.Request) (time.Time, bool) {
	if s == nil || r.Header.Get("Authorization") != "" {
		return time.Time{}, false
	}
	key, ok := s.key(r)
	if !ok {
		return time.Time{}, false
	}
	now := s.now()
	if s.keeper != nil {
		s.ask(r.Context(), key, now)
	}
	end, touch, ok := s.use(key, now)
	if ok && touch && s.keeper != nil {
		_ = s.keeper.TouchSession(r.Context(), key, now) // the next request tries again
	}
	return end, ok
}

// use notes that a session is used, and says whether the keeper is to learn it.
func (s *Store) use(key [sha256.Size]byte, now time.Time) (end time.Time, touch, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.open[key]
	if st == nil {
		return time.Time{}, false, false
	}
	if st.ended(now) {
		delete(s.open, key)
		return time.Time{}, false, false
	}
	st.seen = now
	if touch = now.Sub(st.touched) >= touchEvery; touch {
		st.touched = now
	}
	return st.end(), touch, true
}

// ask asks the keeper of a session, unless it did lately. While the keeper cannot be
// asked, what is known counts.
func (s *Store) ask(ctx context.Context, key [sha256.Size]byte, now time.Time) {
	s.mu.Lock()
	st := s.open[key]
	lately := st != nil && now.Sub(st.asked) < askEvery
	s.mu.Unlock()
	if lately {
		return
	}
	kept, err := s.keeper.Session(ctx, key)
	if err != nil {
		return
	}
	valid := kept != nil && subtle.ConstantTimeCompare(kept.Mark, s.mark(ctx, key)) == 1
	s.mu.Lock()
	defer s.mu.Unlock()
	if !valid {
		delete(s.open, key)
		return
	}
	if st = s.open[key]; st == nil {
		if len(s.open) >= mostSessions {
			s.makeRoom(now)
		}
		st = &state{began: kept.Began, seen: kept.Seen, touched: kept.Seen}
		s.open[key] = st
	}
	if st.asked = now; st.seen.Before(kept.Seen) {
		st.seen = kept.Seen
	}
}

// mark says with which admin token a session began, and tells nothing of the token.
func (s *Store) mark(ctx context.Context, key [sha256.Size]byte) []byte {
	m := sha256.Sum256(append(append([]byte("session"), key[:]...), s.token(ctx)...))
	return m[:]
}

func (st *state) end() time.Time {
	idle, most := st.seen.Add(Idle), st.began.Add(Most)
	if most.Before(idle) {
		return most
	}
	return idle
}

func (st *state) ended(now time.Time) bool { return !now.Before(st.end()) }

// begin makes a session and gives its cookie to the browser.
func (s *Store) begin(w http.ResponseWriter, r *http.Request) (time.Time, error) {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	text := base64.RawURLEncoding.EncodeToString(secret[:])
	key := sha256.Sum256([]byte(text))
	now := s.now()
	st := &state{began: now, seen: now, asked: now, touched: now}
	if s.keeper != nil {
		ended := func(k *catalog.Session) bool { return (&state{began: k.Began, seen: k.Seen}).ended(now) }
		kept := catalog.Session{Began: now, Seen: now, Mark: s.mark(r.Context(), key)}
		if err := s.keeper.BeginSession(r.Context(), key, kept, ended, mostSessions); err != nil {
			return time.Time{}, err
		}
	}
	s.mu.Lock()
	if len(s.open) >= mostSessions {
		s.makeRoom(now)
	}
	s.open[key] = st
	end := st.end()
	s.mu.Unlock()
	s.set(w, r, text, int(Most/time.Second))
	return end, nil
}

// end ends the session of a request. With an error it may go on at other nodes.
func (s *Store) end(w http.ResponseWriter, r *http.Request) error {
	var err error
	if key, ok := s.key(r); ok {
		s.mu.Lock()
		delete(s.open, key)
		s.mu.Unlock()
		if s.keeper != nil {
			err = s.keeper.EndSession(r.Context(), key)
		}
	}
	s.set(w, r, "", -1)
	return err
}

// makeRoom drops what has ended, or else what was idle for longest. The caller
// holds mu.
func (s *Store) makeRoom(now time.Time) {
	var oldest [sha256.Size]byte
	var at time.Time
	for k, st := range s.open {
		if st.ended(now) {
			delete(s.open, k)
			continue
		}
		if at.IsZero() || st.seen.Before(at) {
			oldest, at = k, st.seen
		}
	}
	if len(s.open) >= mostSessions {
		delete(s.open, oldest)
	}
}

func (s *Store) set(w http.ResponseWriter, r *http.Request, value string, age int) {
	name, secure := s.cookie(r)
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode,
	})
}

func (s *Store) cookie(r *http.Request) (name string, secure bool) {
	if scheme, _ := s.proxies.Base(r); scheme == "https" {
		return cookieTLS, true
	}
	return cookiePlain, false
}

// key is under what the session of a request is kept.
func (s *Store) key(r *http.Request) (key [sha256.Size]byte, ok bool) {
	name, _ := s.cookie(r)
	c, err := r.Cookie(name)
	if err != nil || c.Value == "" {
		return key, false
	}
	return sha256.Sum256([]byte(c.Value)), true
}
