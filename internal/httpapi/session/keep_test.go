package session

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/catalog"
)

// shelf keeps sessions in memory.
type shelf struct {
	mu   sync.Mutex
	of   map[[32]byte]catalog.Session
	fail error
}

func (k *shelf) Session(_ context.Context, hash [32]byte) (*catalog.Session, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s, ok := k.of[hash]; ok && k.fail == nil {
		return &s, nil
	}
	return nil, k.fail
}

func (k *shelf) BeginSession(_ context.Context, hash [32]byte, s catalog.Session, _ func(*catalog.Session) bool, _ int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail == nil {
		k.of[hash] = s
	}
	return k.fail
}

func (k *shelf) TouchSession(_ context.Context, hash [32]byte, seen time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s, ok := k.of[hash]; ok && k.fail == nil {
		s.Seen = seen
		k.of[hash] = s
	}
	return k.fail
}

func (k *shelf) EndSession(_ context.Context, hash [32]byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.of, hash)
	return k.fail
}

// nodes are two servers with one shelf and one admin token.
func nodes() (a, b *door, k *shelf, token *string) {
	k, token = &shelf{of: map[[32]byte]catalog.Session{}}, new(string)
	*token = "right"
	a, b = newDoor(), newDoor()
	for _, d := range []*door{a, b} {
		d.store.Keep(k, func(context.Context) []byte { return []byte(*token) })
	}
	return a, b, k, token
}

func TestKeptSessionHoldsAtEveryNode(t *testing.T) {
	a, b, _, _ := nodes()
	c := a.signIn(t, nil)
	if !a.has(c) || !b.has(c) {
		t.Fatal("the session holds at one node only")
	}
	restarted := newDoor()
	restarted.store.Keep(a.store.keeper, a.store.token)
	if !restarted.has(c) {
		t.Error("a restart ended the session")
	}
	for range 5 { // used at one node only
		a.now = a.now.Add(50 * time.Minute)
		if !a.has(c) {
			t.Fatal("a session that is used ended")
		}
	}
	if b.now = a.now; !b.has(c) {
		t.Error("what is used at one node idles at the other")
	}
	a.now = a.now.Add(Most)
	if b.now = a.now; a.has(c) || b.has(c) {
		t.Error("a session grows old at no node")
	}
}

func TestEndedSessionEndsAtEveryNode(t *testing.T) {
	a, b, _, _ := nodes()
	c := a.signIn(t, nil)
	if !b.has(c) {
		t.Fatal("no session")
	}
	if w := a.ask("DELETE", "", func(r *http.Request) { r.AddCookie(c) }); w.Code != 204 {
		t.Fatal(w.Code)
	}
	if a.has(c) {
		t.Error("it goes on where it was ended")
	}
	if b.now = b.now.Add(askEvery); b.has(c) {
		t.Error("it goes on at the other node")
	}
	b.now = b.now.Add(2 * touchEvery)
	if b.has(c) {
		t.Error("it is there again")
	}
}

func TestNewAdminTokenEndsSessions(t *testing.T) {
	a, b, k, token := nodes()
	c := a.signIn(t, nil)
	for hash, s := range k.of {
		if string(s.Mark) == *token || string(hash[:]) == c.Value {
			t.Error("secrets are kept")
		}
	}
	*token = "renewed"
	if b.has(c) {
		t.Error("a session of the former token holds")
	}
	if a.now = a.now.Add(askEvery); a.has(c) {
		t.Error("a session of the former token goes on")
	}
}

func TestSessionsWhileNothingCanBeKept(t *testing.T) {
	a, _, k, _ := nodes()
	c := a.signIn(t, nil)
	k.fail = errors.New("away")
	if a.now = a.now.Add(askEvery); !a.has(c) {
		t.Error("a known session ended")
	}
	if w := a.ask("POST", `{"token":"right"}`, nil); w.Code != 500 || len(w.Result().Cookies()) != 0 {
		t.Errorf("signed in without being kept: %d", w.Code)
	}
}
