// Package deliver tells destinations what became true: who entered and left an
// audience, what a computed trait is now, which profiles were merged, which events
// came.
//
// # Words
//
// A destination is where something is told: a webhook, a mail server, a file. Its
// Kind is the code that speaks to it; each kind is a package below this one.
//
// The ledger holds what a destination was told: (destination, identifier, key) → the
// last value said. What is sent is the difference between the ledger and the truth,
// which a Source reads. So a merge tells nobody twice, and an undo corrects exactly.
//
// A message is one thing to tell. It waits in the queue of its destination until it
// is delivered, or becomes a dead letter, which people look at and send again.
//
// A lane is what is delivered in order: the messages of one profile to one
// destination. A lane that is stuck stops no other.
//
// A baseline is the truth of the moment at which a destination is attached or a
// definition becomes complete. It is written into the ledger without being said, or
// said if the destination has `initial: send`.
//
// # The way of a message
//
//  1. follow reads the feed from the destination's cursor, asks the Source for the
//     truth of each profile that a record names, and compares it with the ledger
//     (differences.go, which is pure).
//  2. Messages, the new ledger and the cursor go into the store in one commit
//     (queue.go). A message that was certainly not taken yet is replaced by what is newer;
//     if the newer value is what was said before, both vanish. One whose answer was lost
//     is tried again first, with its ID, so that nothing is told twice under two.
//  3. send takes the first message of each lane that is due, has the kind deliver it,
//     and commits the outcomes, many in one commit. Kinds that deliver at most once
//     have their intent committed before anything is sent.
//
// All of it happens in the process that holds the lease of the destination, and each
// of its commits requires the lease's fence.
package deliver
