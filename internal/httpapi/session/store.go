package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"sync"
	"time"

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

// Store holds the sessions of a process. Its methods may be called at the same
// time.
type Store struct {
	now     func() time.Time
	proxies peer.Proxies

	mu   sync.Mutex
	open map[[sha256.Size]byte]*state
}

type state struct {
	began, seen time.Time
}

// NewStore makes an empty store. proxies say whether a browser came over TLS.
func NewStore(now func() time.Time, proxies peer.Proxies) *Store {
	return &Store{now: now, proxies: proxies, open: map[[sha256.Size]byte]*state{}}
}

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
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.open[key]
	if st == nil {
		return time.Time{}, false
	}
	now := s.now()
	if st.ended(now) {
		delete(s.open, key)
		return time.Time{}, false
	}
	st.seen = now
	return st.end(), true
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
func (s *Store) begin(w http.ResponseWriter, r *http.Request) time.Time {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	text := base64.RawURLEncoding.EncodeToString(secret[:])
	now := s.now()
	st := &state{began: now, seen: now}
	s.mu.Lock()
	if len(s.open) >= mostSessions {
		s.makeRoom(now)
	}
	s.open[sha256.Sum256([]byte(text))] = st
	s.mu.Unlock()
	s.set(w, r, text, int(Most/time.Second))
	return st.end()
}

// end forgets the session of a request.
func (s *Store) end(w http.ResponseWriter, r *http.Request) {
	if key, ok := s.key(r); ok {
		s.mu.Lock()
		delete(s.open, key)
		s.mu.Unlock()
	}
	s.set(w, r, "", -1)
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
