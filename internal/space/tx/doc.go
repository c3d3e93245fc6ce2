// Package tx is what a transaction of a space reads and changes: who is who, and what
// hangs on it. Nothing here commits; package space does, and there is one way to.
//
// A View reads one snapshot: strands, identifiers, profiles, and the rows that hang on
// strands. It implements identity.Graph and changes nothing.
//
// A Tx is a View and a change: what becomes of the records that it read, what it relies
// on, and what the feed will tell. Stage puts all of it into the batch to commit.
//
// What people read (Resolve, TraitsOf), what events do (Identify, ApplyTraits), what is
// decided again (DecideAgain, Regroup, ReplayDeferred), and what is moved or goes (MoveIn,
// ForgetStrand) touch the same records and lists in the same way, so they are one room.
package tx
