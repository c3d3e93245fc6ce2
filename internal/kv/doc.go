// Package kv is the one storage contract of Selfsame: an ordered key-value
// store that is read through consistent snapshots and written in atomic
// batches that hold only if what they depend on is unchanged.
//
// The contract is batch-minded, so that a network backend pays one round trip
// for a batch and not one for each key, and it has optimistic preconditions
// instead of interactive transactions: cheap on an embedded store, portable
// over SQL, and what FoundationDB and TiKV offer too.
//
// Keys and values are opaque here; what they mean is said in one table of the
// space package. Every backend passes the suite in kvtest.
package kv
