package kv

// Tracker is what a Reader of an exclusive store may be besides: it knows, without
// reading them, that keys are as an earlier Reader of the same store found them.
type Tracker interface {
	Reader
	// Moment numbers the state that is read: the same number is the same state, and a
	// greater one is a later state.
	Moment() uint64
	// Unchanged reports whether keys have the values that they had at a moment. It may
	// report false for keys that are unchanged, and does if the moment is later than
	// this Reader's.
	Unchanged(since uint64, keys ...[]byte) bool
}
