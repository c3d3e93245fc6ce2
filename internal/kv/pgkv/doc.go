// Package pgkv is the backend of kv over the PostgreSQL wire protocol:
// PostgreSQL 15 or newer, CockroachDB and YugabyteDB. Any number of nodes may
// have the same store open.
//
// The store is one table of keys and values. A commit is one transaction, sent
// as one pipeline and so in one round trip: it locks the rows it depends on in
// the order of their keys, tests them, writes, and commits; a test that does
// not hold makes the server itself end the transaction. A snapshot is a
// read-only transaction that begins with its first read, in the same round trip.
//
// docs/adr/0003-store-over-sql.md says why this is correct and which SQL it
// takes.
package pgkv
