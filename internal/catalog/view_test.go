package catalog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
)

func sourceBy(c *Catalog, key string) (*Source, bool) {
	src, err := c.SourceByKey(ctx, key)
	return src, err == nil && src != nil
}

func tokenBy(c *Catalog, space, secret string) (*Token, bool) {
	tok, err := c.TokenBySecret(ctx, space, secret)
	return tok, err == nil && tok != nil
}

// watchedStore counts snapshots, and lets a test hold them up or fail them.
type watchedStore struct {
	*memory
	snapshots atomic.Int64
	down      atomic.Bool
	after     func() // called when a snapshot was taken
}

func (w *watchedStore) Snapshot(ctx context.Context) (kv.Reader, error) {
	w.snapshots.Add(1)
	if w.down.Load() {
		return nil, kv.ErrUnavailable
	}
	r, err := w.memory.Snapshot(ctx)
	if w.after != nil {
		w.after()
	}
	return r, err
}

// However many guess, the store is read at the rate of one reader who waits, and
// a key that is made meanwhile is found by all who ask for it afterwards.
func TestGuessesShareReads(t *testing.T) {
	m := &memory{shared: true}
	w := &watchedStore{memory: m}
	a, b := open(t, m, Options{}), open(t, w, Options{})
	if _, err := a.Bootstrap(ctx); err != nil {
		t.Fatal(err)
	}
	w.snapshots.Store(0)
	began := time.Now()
	var stop atomic.Bool
	var all sync.WaitGroup
	var guesses atomic.Int64
	for g := range 50 {
		all.Go(func() {
			for !stop.Load() {
				if _, ok := sourceBy(b, fmt.Sprintf("wk_guess_%d", g)); ok {
					t.Error("a guess is a key")
				}
				guesses.Add(1)
			}
		})
	}
	for i := range 15 {
		_, key, err := a.CreateSource(ctx, fmt.Sprintf("web-%d", i), "", "dev")
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			all.Go(func() {
				if _, ok := sourceBy(b, key); !ok {
					t.Errorf("new key %d is refused", i)
				}
			})
		}
		time.Sleep(10 * time.Millisecond)
	}
	stop.Store(true)
	all.Wait()
	most := int64(time.Since(began)/readEvery) + 3
	if n := w.snapshots.Load(); n > most {
		t.Errorf("%d reads of the store for %d guesses in %v, want %d at most", n, guesses.Load(), time.Since(began), most)
	}
	if guesses.Load() < 100 {
		t.Errorf("only %d guesses were made", guesses.Load())
	}
}

// A read that began before somebody came does not do for him.
func TestMissWaitsForLaterRead(t *testing.T) {
	m := &memory{shared: true}
	w := &watchedStore{memory: m}
	a, b := open(t, m, Options{}), open(t, w, Options{})
	if _, err := a.Bootstrap(ctx); err != nil {
		t.Fatal(err)
	}
	taken, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.after = func() {
		once.Do(func() {
			close(taken)
			<-goOn
		})
	}
	var all sync.WaitGroup
	all.Go(func() { sourceBy(b, "wk_guess") })
	<-taken
	_, key, err := a.CreateSource(ctx, "web", "", "dev")
	if err != nil {
		t.Fatal(err)
	}
	found := make(chan bool, 1)
	all.Go(func() { _, ok := sourceBy(b, key); found <- ok })
	time.Sleep(20 * time.Millisecond)
	close(goOn)
	if !<-found {
		t.Error("a key that was made after the read had begun is refused")
	}
	all.Wait()
}

// While the store cannot be asked, a key that is not known is not refused but
// unanswered, and a view that has grown old opens nothing.
func TestStoreDoesNotAnswer(t *testing.T) {
	var mu sync.Mutex
	now := time.Unix(1e9, 0)
	clock := Options{Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }}
	w := &watchedStore{memory: &memory{shared: true}}
	c := open(t, w, clock)
	first, err := c.Bootstrap(ctx)
	if err != nil {
		t.Fatal(err)
	}
	w.down.Store(true)
	if _, ok := sourceBy(c, first.WriteKey); !ok {
		t.Error("a key that was good a moment ago is refused")
	}
	if src, err := c.SourceByKey(ctx, "wk_other"); src != nil || !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("a key that may be new: %v, %v", src, err)
	}
	mu.Lock()
	now = now.Add(time.Minute)
	mu.Unlock()
	if src, err := c.SourceByKey(ctx, first.WriteKey); src != nil || !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("a key that may be deleted: %v, %v", src, err)
	}
	if tok, err := c.TokenBySecret(ctx, "dev", first.Token); tok != nil || !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("a token that may be deleted: %v, %v", tok, err)
	}
	if _, err := c.Space(ctx, "dev"); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("a space that may be deleted: %v", err)
	}
	if len(c.Spaces(ctx)) != 1 {
		t.Error("lists are gone")
	}
	w.down.Store(false)
	if _, ok := sourceBy(c, first.WriteKey); !ok {
		t.Error("the key is refused after the store has come back")
	}
	short, end := context.WithCancel(ctx)
	end()
	if _, err := c.SourceByKey(short, "wk_other"); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that has left: %v", err)
	}
}

// Nobody waits for a store that stands still once it has said nothing for a
// while; when it goes on, the next one who asks has its answer.
func TestStoreStandsStill(t *testing.T) {
	w := &watchedStore{memory: &memory{shared: true}}
	c := open(t, w, Options{})
	first, err := c.Bootstrap(ctx)
	if err != nil {
		t.Fatal(err)
	}
	stands, goesOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.after = func() {
		once.Do(func() { close(stands) })
		<-goesOn
	}
	early := make(chan error, 1)
	go func() {
		_, err := c.SourceByKey(ctx, "wk_early")
		early <- err
	}()
	<-stands
	c.reads.mu.Lock()
	c.reads.asked = c.reads.asked.Add(-silence) // it has stood for that long
	c.reads.mu.Unlock()
	left, leave := context.WithCancel(ctx)
	leave() // who waits would see that
	for range 3 {
		if _, err := c.SourceByKey(left, "wk_late"); !errors.Is(err, ErrSlow) || !errors.Is(err, kv.ErrUnavailable) {
			t.Errorf("while the store stands still: %v", err)
		}
	}
	if err := <-early; !errors.Is(err, ErrSlow) {
		t.Errorf("who waited when it stood still: %v", err)
	}
	close(goesOn)
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
		if _, ok := sourceBy(c, first.WriteKey); ok {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the store goes on, and its answer is not used")
		}
	}
}

// A view that a change made is not replaced by what was read before it.
func TestNewerViewStays(t *testing.T) {
	c := open(t, &memory{shared: true}, Options{})
	if _, err := c.CreateSpace(ctx, "dev", ""); err != nil {
		t.Fatal(err)
	}
	older := c.view.Load()
	if _, err := c.CreateSpace(ctx, "prod", ""); err != nil {
		t.Fatal(err)
	}
	c.publish(older)
	if len(c.Spaces(ctx)) != 2 {
		t.Error("an older view was published")
	}
}

// What is no admin token does not make the store read.
func TestAdminCostsNoRead(t *testing.T) {
	w := &watchedStore{memory: &memory{shared: true}}
	c := open(t, w, Options{Refresh: time.Hour})
	first, err := c.Bootstrap(ctx)
	if err != nil {
		t.Fatal(err)
	}
	w.snapshots.Store(0)
	for range 100 {
		if c.IsAdmin(ctx, first.Token) || c.IsAdmin(ctx, first.WriteKey) || c.IsAdmin(ctx, "") {
			t.Fatal("a token is the admin token")
		}
		if _, ok := tokenBy(c, "dev", first.Token); !ok {
			t.Fatal("the token is refused")
		}
	}
	if n := w.snapshots.Load(); n > 0 {
		t.Errorf("%d reads of the store", n)
	}
}
