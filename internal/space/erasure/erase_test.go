package erasure_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/erasure"
)

// many is the number of rows of the space to be erased, beside its rules, whose row
// stays and is not counted.
const many = 5000

// filled is a store with spaces 1 to 3, of which the second is called gone.
func filled(t *testing.T) (*kvtest.Memory, kv.Store) {
	t.Helper()
	m := kvtest.NewMemory()
	store := m.Open()
	var b kv.Batch
	for i, name := range []string{"before", "gone", "after"} {
		b.Put(codec.StoreSpace(name), []byte{0, byte(i + 1)})
		b.Put(codec.Rules.Key(codec.NewKeyspace(uint16(i+1))), []byte("rules"))
	}
	b.Put(codec.StoreLastSpace, []byte{0, 3})
	gone := codec.NewKeyspace(2)
	for n := range uint64(many) { // before the key of the rules and behind it, and what destinations keep
		who := identity.Hash{byte(n >> 8), byte(n)}
		key := [][]byte{
			codec.Tallies.Key(gone, int64(n), n), codec.Strands.Key(gone, who), codec.Ledger.Key(gone, 1, who, "buyers"),
			codec.DeliveryQueue.Key(gone, 1, n), codec.DeliveryDue.Key(gone, 1, int64(n), who), codec.DeadLetters.Key(gone, 1, n),
			codec.MailLog.Key(gone, 1, who, int64(n)), codec.Suppressed.Key(gone, who), codec.DestinationSecrets.Key(gone, fmt.Sprint(n)),
			codec.DestinationVersions.Key(gone, n),
		}[n%10]
		b.Put(key, []byte("v"))
	}
	b.Put(codec.Marks.Key(codec.NewKeyspace(1), "\xff\xff"), nil)
	b.Put(codec.Marks.Key(codec.NewKeyspace(3), ""), nil)
	if err := store.Commit(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return m, store
}

func eraser(store kv.Store, owner uint64, between func(rows int64) error) *erasure.Eraser {
	return &erasure.Eraser{Store: store, Owner: owner, Now: time.Now, Guard: func(*kv.Batch) {},
		Between: func(_ context.Context, _ time.Duration, rows int64) error { return between(rows) }}
}

func rows(t *testing.T, store kv.Store, from, to []byte) (n int) {
	t.Helper()
	r, err := store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	page, err := r.Scan(t.Context(), from, to, 2*many, false)
	if err != nil {
		t.Fatal(err)
	}
	return len(page)
}

// An erasure that is broken off at any portion goes on where it was, and touches
// nothing of other spaces.
func TestErasureGoesOn(t *testing.T) {
	_, store := filled(t)
	broken := errors.New("broken off")
	last, times := int64(0), 0
	for ; ; times++ {
		portions := 0
		n, err := eraser(store, uint64(times), func(rows int64) error {
			if rows <= last {
				t.Fatalf("%d rows after %d", rows, last)
			}
			last = rows
			if portions++; portions == 2 {
				return broken
			}
			return nil
		}).Erase(t.Context(), "gone")
		if err == nil {
			if n != many {
				t.Errorf("%d rows were erased, want %d", n, many)
			}
			break
		}
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
		if n, ok, err := erasure.Rows(t.Context(), store, "gone"); err != nil || !ok || n != last {
			t.Errorf("%d rows are erased, the store says %d, %v", last, n, err)
		}
	}
	if times < 2 {
		t.Fatalf("it was broken off %d times", times)
	}
	from, to := codec.AllSpaces()
	if n := rows(t, store, from, to); n != 5 {
		t.Errorf("%d rows of spaces are left, want 5", n)
	}
	if from, to = codec.NewKeyspace(2).All(); rows(t, store, from, to) != 1 || rows(t, store, codec.Rules.Key(codec.NewKeyspace(2)), to) != 1 {
		t.Error("of the space there is not the one row that says that it is erased")
	}
	if n := rows(t, store, codec.StoreSpace("gone"), kv.After(codec.StoreSpace("gone"))); n != 0 {
		t.Error("its name is not free")
	}
	if n := rows(t, store, codec.StoreErasing(""), kv.PrefixEnd(codec.StoreErasing(""))); n != 0 {
		t.Error("the record of the erasure is left")
	}
	if n := rows(t, store, codec.StoreLastSpace, kv.After(codec.StoreLastSpace)); n != 1 {
		t.Error("numbers would be given out again")
	}
	if n, err := eraser(store, 99, func(int64) error { return nil }).Erase(t.Context(), "gone"); n != 0 || err != nil {
		t.Errorf("once more: %d, %v", n, err)
	}
}

// On a shared store one process erases; another one takes over when it says nothing
// any more, and then it erases nothing more.
func TestErasureHasOneOwner(t *testing.T) {
	_, store := filled(t)
	store = shared{store}
	done := func(int64) error { return nil }
	turns := 0
	_, err := eraser(store, 1, func(int64) error {
		switch turns++; turns {
		case 1:
			if n, err := eraser(store, 2, done).Erase(t.Context(), "gone"); !errors.Is(err, erasure.ErrOthers) || n == 0 {
				t.Errorf("a second process: %d, %v", n, err)
			}
		case 2:
			second := eraser(store, 2, done)
			second.Now = func() time.Time { return time.Now().Add(time.Minute) }
			if n, err := second.Erase(t.Context(), "gone"); err != nil || n != many {
				t.Errorf("taking over: %d, %v", n, err)
			}
		default:
			t.Error("the first one erased something")
		}
		return nil
	}).Erase(t.Context(), "gone")
	if !errors.Is(err, erasure.ErrOthers) {
		t.Errorf("the first one: %v", err)
	}
}

// The guard ends an erasure for which there is no reason any more.
func TestErasureHeedsItsGuard(t *testing.T) {
	_, store := filled(t)
	e := eraser(store, 1, func(int64) error { return nil })
	e.Guard = func(b *kv.Batch) { b.Require([]byte("tombstone"), []byte("yes")) }
	if n, err := e.Erase(t.Context(), "gone"); !errors.Is(err, erasure.ErrOthers) {
		t.Errorf("%d, %v", n, err)
	}
	from, to := codec.NewKeyspace(2).All()
	if n := rows(t, store, from, to); n != many+1 {
		t.Error(fmt.Sprint(n, " rows are left"))
	}
}

// A node that has not heard of the deletion, however late, commits nothing to the
// space, which has the built-in rules and so none that are stored; nor can it open it.
func TestANodeThatDoesNotKnowCommitsNothing(t *testing.T) {
	t.Parallel()
	store := shared{kvtest.NewMemory().Open()}
	open := func() (*space.Space, error) {
		return space.Open(t.Context(), store, space.Config{ID: "gone", Log: slog.New(slog.DiscardHandler)})
	}
	late, err := open()
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close(context.Background())
	track := func(id string) error {
		m, err := event.Parse([]byte(`{"type":"track","event":"A","messageId":"`+id+`","userId":"u"}`), event.Envelope{ReceivedAt: time.Now().UnixNano()})
		if err != nil {
			t.Fatal(err)
		}
		_, err = late.Ingest(t.Context(), space.Delivery{Source: "web", Messages: []event.Message{m}})
		return err
	}
	if err := track("1"); err != nil {
		t.Fatal(err)
	}
	stopped := errors.New("stopped")
	during := eraser(store, 1, func(int64) error {
		if err := track("2"); !errors.Is(err, space.ErrNotFound) {
			t.Errorf("an event while the space is erased: %v", err)
		}
		if _, err := open(); !errors.Is(err, space.ErrNotFound) {
			t.Errorf("opening it while it is erased: %v", err)
		}
		return stopped
	})
	if _, err := during.Erase(t.Context(), "gone"); !errors.Is(err, stopped) {
		t.Fatal(err)
	}
	if _, err := eraser(store, 1, func(int64) error { return nil }).Erase(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	if err := track("3"); !errors.Is(err, space.ErrNotFound) {
		t.Errorf("an event after the space was erased: %v", err)
	}
	ks := codec.NewKeyspace(1)
	for _, prefix := range [][]byte{codec.Headers.Prefix(ks), codec.Bodies.Prefix(ks), codec.Strands.Prefix(ks), codec.Events.Prefix(ks)} {
		if n := rows(t, store, prefix, kv.PrefixEnd(prefix)); n != 0 {
			t.Errorf("%d rows of the event under %q", n, prefix)
		}
	}
	// A space of the same name is another one.
	again, err := open()
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close(context.Background())
	if n := again.Stats().Profiles; n != 0 {
		t.Errorf("%d profiles in the new space", n)
	}
}

// shared is a store that others write too.
type shared struct{ kv.Store }

func (shared) Exclusive() bool { return false }
