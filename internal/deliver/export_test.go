package deliver

import (
	"context"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// World is the Source of tests, see world.
type World = world

var (
	NewWorld  = newWorld
	TestKeys  = someKeys
	User      = user
	Anonymous = anon
	Email     = email
)

// Create makes a profile of identifiers.
func (w *world) Create(ids ...Identifier) string { return w.create(ids...) }

// Set sets an identifier's number of a key.
func (w *world) Set(id Identifier, key string, n int) { w.set(id, key, n) }

// Merge makes b a part of a.
func (w *world) Merge(a, b string) { w.merge(a, b) }

// Happen stores an event of a profile.
func (w *world) Happen(p, name string) { w.happen(p, name) }

// SetTrait sets a trait of all profiles that have an identifier.
func (w *world) SetTrait(id Identifier, name, value string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.traits == nil {
		w.traits = map[Identifier]map[string]string{}
	}
	if w.traits[id] == nil {
		w.traits[id] = map[string]string{}
	}
	w.traits[id][name] = value
}

// Follow has values become so at the time of a clock.
func (w *world) Follow(c *Clock) { w.now = c.Now }

// Clock is one that tests set.
type Clock = clock

// NewClock makes one.
var NewClock = newClock

// Add moves it on.
func (c *clock) Add(d time.Duration) { c.add(d) }

// Quick are pauses for tests that do not set the clock.
var Quick = Pauses{First: 10 * time.Millisecond, Most: 50 * time.Millisecond, GiveUp: time.Minute, Trouble: 10 * time.Millisecond, MostTrouble: 50 * time.Millisecond}

// StoreInMemory is a store in memory with the secret that stores have.
func StoreInMemory(t testing.TB) *kvtest.Memory {
	t.Helper()
	m := kvtest.NewMemory()
	var batch kv.Batch
	batch.Put(codec.StoreSecret, []byte("0123456789abcdef"))
	if err := m.Open().Commit(context.Background(), &batch); err != nil {
		t.Fatal(err)
	}
	return m
}
