package tx

import "errors"

// Errors of what is read. Errors of the store (kv.ErrCorrupt, ...) come through wrapped.
var (
	// ErrNotFound: there is no such profile, refused event, ...
	ErrNotFound = errors.New("not found")
	// ErrTooLarge: more hangs together than one answer looks through.
	ErrTooLarge = errors.New("too much is connected here")
)
