package kv

import (
	"context"
	"errors"
)

// Errors of a store. Backends wrap them with what they know (%w); callers test
// them with errors.Is.
var (
	// ErrConflict: a precondition of the batch did not hold. Nothing was
	// written. Take a new snapshot, read again, decide again, commit again.
	ErrConflict = errors.New("kv: a precondition of the batch does not hold")
	// ErrUnknown: the batch may or may not have been written (the connection
	// was cut in the middle of the commit). The caller must find out, by a key
	// that only this batch inserts, before it tries again.
	ErrUnknown = errors.New("kv: the outcome of the commit is unknown")
	// ErrUnavailable: the store cannot be reached or is too busy now. Nothing
	// was written. Trying again later may help.
	ErrUnavailable = errors.New("kv: the store is not available")
	// ErrNoSpace: the store has no room left. Nothing was written.
	ErrNoSpace = errors.New("kv: no space left")
	// ErrReadOnly: the store takes no writes (a standby, a read-only file
	// system). Nothing was written.
	ErrReadOnly = errors.New("kv: the store is read-only")
	// ErrLocked: another process has the store open.
	ErrLocked = errors.New("kv: the store is in use by another process")
	// ErrCorrupt: what is on disk fails its checksum or cannot be understood.
	ErrCorrupt = errors.New("kv: the store is damaged")
	// ErrIncomplete: files without which the rest cannot be found are missing.
	// Nothing was changed.
	ErrIncomplete = errors.New("kv: files of the store are missing")
	// ErrTooNew: the store was written by a newer version that this one does
	// not understand.
	ErrTooNew = errors.New("kv: the store was written by a newer version")
	// ErrTooOld: the database server is older than this version needs.
	ErrTooOld = errors.New("kv: the database server is too old")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("kv: the store is closed")
	// ErrTooLarge: a key, a value or a batch is over the limits below. Nothing
	// was written.
	ErrTooLarge = errors.New("kv: key, value or batch too large")
	// ErrInvalid: the call makes no sense, whatever the store holds: an empty
	// key is written, a scan has a limit under 1. Nothing was written.
	ErrInvalid = errors.New("kv: invalid call")
)

// Conflict is an ErrConflict that names keys which are not as the batch needs
// them, or are being changed right now: at least one of them, if the store knows
// any. What does not depend on these keys may be tried again as it is.
type Conflict struct{ Keys [][]byte }

func (c *Conflict) Error() string { return ErrConflict.Error() }

// Is makes a Conflict an ErrConflict.
func (c *Conflict) Is(target error) bool { return target == ErrConflict }

// Limits that every backend keeps.
const (
	MaxKeyBytes   = 1 << 10  // a key; an empty key is ErrInvalid
	MaxValueBytes = 8 << 20  // a value
	MaxBatchBytes = 64 << 20 // keys and values of one batch together
)

// Store is an ordered key-value store. All methods may be called from many
// goroutines at once.
type Store interface {
	// Snapshot returns a reader of one consistent state: at least everything
	// whose Commit had returned before Snapshot was called, and nothing that a
	// crash could still take back. Which one it is may be settled only by the
	// first read. It must be closed.
	Snapshot(ctx context.Context) (Reader, error)

	// Commit applies the batch as a whole or not at all and returns when it is
	// durable. With an error other than ErrUnknown nothing was written. A
	// context that ends before the store began to write gives the context's
	// error; after that Commit waits for the outcome or says ErrUnknown. The
	// batch may be used again after Commit has returned.
	//
	// After ErrConflict a new Snapshot sees what the batch was in conflict with. The
	// error may be a Conflict, which names the keys.
	// A batch of preconditions alone writes nothing; if it holds, what it looked
	// at is durable.
	Commit(ctx context.Context, b *Batch) error

	// Exclusive reports whether this process is the only writer as long as the
	// store is open. What an exclusive owner wrote itself it may believe from
	// its own memory, without a Require.
	Exclusive() bool

	// Close waits for running commits and releases the store. Readers that are
	// still open are invalid afterwards.
	Close() error
}

// Reader reads one consistent snapshot. A Reader may be used from many
// goroutines at once. Close may be called twice.
type Reader interface {
	// Get returns the values of keys, in the order of keys: nil for a key that
	// is absent, a non-nil empty slice for an empty value. A key that no batch
	// may write (empty, too long) is absent. One round trip. The returned slices
	// belong to the caller.
	Get(ctx context.Context, keys ...[]byte) ([][]byte, error)

	// Scan returns up to limit entries with from <= key < to, in ascending key
	// order (bytes.Compare), or in descending order if reverse. A nil from is
	// the start, a nil to the end of the key space; limit must be at least 1.
	// Fewer than limit entries mean that there are no more. A backend may return
	// an Entry whose Value it had to read from far away; callers that page set
	// from to After(last key). The returned slices belong to the caller.
	Scan(ctx context.Context, from, to []byte, limit int, reverse bool) ([]Entry, error)

	// Scans makes the same scan over several ranges, whose entries it returns in
	// the order of the ranges. Few round trips, however many ranges there are.
	Scans(ctx context.Context, ranges []Range, limit int, reverse bool) ([][]Entry, error)

	Close() error
}

// Range is the keys with From <= key < To. A nil From is the start, a nil To the
// end of the key space.
type Range struct {
	From, To []byte
}

// Entry is a key with its value.
type Entry struct {
	Key, Value []byte
}

// After returns the smallest key greater than key.
func After(key []byte) []byte {
	k := make([]byte, len(key)+1)
	copy(k, key)
	return k
}

// PrefixEnd returns the smallest key greater than every key that starts with
// prefix, or nil (the end of the key space) if there is none.
func PrefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] < 0xff {
			end[i]++
			return end[:i+1]
		}
	}
	return nil
}
