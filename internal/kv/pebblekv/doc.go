// Package pebblekv is the embedded backend of kv: one process, one directory,
// on the Pebble storage engine.
//
// # Commits
//
// A commit checks its preconditions and enters the write-ahead log and the
// memtable under one lock, then waits for the log's sync outside of it. So
// commits that run at the same time share syncs, and nothing can come between
// the check and the write.
//
// # What readers see
//
// Pebble shows a write to readers before the log is synced. Here it does not
// get that far: every commit takes a snapshot of the engine right after its
// own write, and publishes it when its sync has returned; Snapshot hands out
// the newest published one. A reader therefore never sees anything that a
// crash could take back (an answer given on the strength of such a read, say
// "this message was seen before", stays true), takes no lock of the engine,
// and does not wait for a disk. Reading goes on when the disk is full or the
// log has failed.
//
// # When the disk fails
//
// A full disk: commits answer kv.ErrNoSpace while less than Options.MinFree is
// left, and take up again by themselves when there is room. Should another
// program fill the disk in between, a reserve file is given up, so that what
// is under way can finish (see reserve.go).
//
// A log that cannot be written or synced: the commits under way answer
// kv.ErrUnknown and all later ones kv.ErrUnavailable, until the process opens
// the store again. An engine error after which nothing may continue calls
// Options.OnFatal, which by default ends the process. In none of these cases
// is a commit lost that had returned without an error.
package pebblekv
