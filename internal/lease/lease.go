package lease

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Duration is how long a lease is held without being renewed. Hold renews it when
// half of that is left.
const Duration = 10 * time.Second

// ErrHeld: another process holds the lease. It may be asked for again at any time.
var ErrHeld = errors.New("another process holds the lease")

// Fence is a precondition of what only the holder of a lease may write. It stays the
// same as long as nobody else takes the lease, however often it is renewed. The zero
// Fence requires nothing: that of a store with one process.
type Fence struct{ key, value []byte }

// Require adds the precondition to a batch.
func (f Fence) Require(b *kv.Batch) {
	if f.key != nil {
		b.Require(f.key, f.value)
	}
}

// Is reports whether two fences of one lease are the same: nobody else took it in between,
// so that what its holder knew of what only the holder writes is still so.
func (f Fence) Is(other Fence) bool { return bytes.Equal(f.value, other.value) }

// record says who holds a lease. Its bytes are the fence.
type record struct {
	Owner string `json:"owner"`
	Token uint64 `json:"token"` // counts owners up
}

// Lease is the part that one process has in the lease of one duty. It may be used by
// many goroutines at once.
type Lease struct {
	store kv.Store
	duty  string
	owner string
	now   func() time.Time
	key   []byte // of the record
	until []byte // the key of when the lease ends, apart so that renewing changes no fence

	mu    sync.Mutex
	fence Fence
	held  bool
}

// New makes the lease of a duty in a keyspace, which is not held. now is the clock;
// the clocks of all processes should agree to a fraction of Duration.
func New(store kv.Store, keys codec.Keyspace, duty string, now func() time.Time) *Lease {
	return &Lease{
		store: store, duty: duty, owner: rand.Text(), now: now,
		key: codec.Leases.Key(keys, duty), until: codec.LeaseEnds.Key(keys, duty),
	}
}

// Hold takes the lease if it is free, renews it if it is to end soon, and returns its
// fence. On a store with one process it always succeeds, and reads nothing. Errors:
// ErrHeld; kv.ErrCorrupt; those of the store.
func (l *Lease) Hold(ctx context.Context) (Fence, error) {
	if l.store.Exclusive() {
		return Fence{}, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	fence, err := l.hold(ctx)
	l.fence, l.held = fence, err == nil
	return fence, err
}

func (l *Lease) hold(ctx context.Context) (Fence, error) {
	r, err := l.store.Snapshot(ctx)
	if err != nil {
		return Fence{}, err
	}
	values, err := r.Get(ctx, l.key, l.until)
	r.Close()
	if err != nil {
		return Fence{}, err
	}
	var rec record
	if values[0] != nil {
		if err := json.Unmarshal(values[0], &rec); err != nil {
			return Fence{}, fmt.Errorf("%w: the lease %s", kv.ErrCorrupt, l.duty)
		}
	}
	var left time.Duration
	now := l.now().UnixNano()
	switch len(values[1]) {
	case 0:
	case 8:
		left = time.Duration(codec.ParseTime(values[1]) - now)
	default:
		return Fence{}, fmt.Errorf("%w: the end of the lease %s", kv.ErrCorrupt, l.duty)
	}
	fence := Fence{l.key, values[0]}
	mine := rec.Owner == l.owner
	switch {
	case mine && left > Duration/2:
		return fence, nil
	case !mine && left > 0:
		return Fence{}, ErrHeld
	}
	var b kv.Batch
	b.Require(l.key, values[0])
	b.Require(l.until, values[1])
	if !mine {
		if fence.value, err = json.Marshal(record{l.owner, rec.Token + 1}); err != nil {
			return Fence{}, err
		}
		b.Put(l.key, fence.value)
	}
	b.Put(l.until, codec.AppendTime(nil, now+int64(Duration)))
	switch err := l.store.Commit(ctx, &b); {
	case errors.Is(err, kv.ErrConflict), errors.Is(err, kv.ErrUnknown):
		return Fence{}, ErrHeld // another process was faster; or the next call will see
	case err != nil:
		return Fence{}, err
	}
	return fence, nil
}

// Held returns the fence that Hold returned last, and false if it returned none. The
// lease may have been lost since.
func (l *Lease) Held() (Fence, bool) {
	if l.store.Exclusive() {
		return Fence{}, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fence, l.held
}

// Release gives the lease to whoever asks next. It does nothing if the lease is not
// held. Errors: those of the store; then the lease ends by itself.
func (l *Lease) Release(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.held {
		return nil
	}
	fence := l.fence
	l.fence, l.held = Fence{}, false
	var b kv.Batch
	fence.Require(&b)
	b.Delete(l.until)
	if err := l.store.Commit(ctx, &b); !errors.Is(err, kv.ErrConflict) {
		return err
	}
	return nil // another process has it already
}
