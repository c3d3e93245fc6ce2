// Package space is the heart: one identity graph at work. It takes events in,
// decides whose they are, and keeps one profile per person, in commits that are
// durable, resolved and readable when they are answered.
//
// # Words
//
// A View reads one snapshot and changes nothing. A Tx is a View and a change, of which
// nothing is in the store before it is committed. Both are package tx's, with all that
// is decided in them. A commit is a Tx with its place in the lane of this process and
// what ingest requests bring.
//
// An ingest request is what one caller of Ingest waits for. Several share a commit;
// on a shared store one may need several.
//
// A strand table is something derived with a row for each strand. A profile's value
// is the fold over the rows of its strands.
//
// A deferred event is left to the next commit, because another node changed what it
// depends on. A deferred replay is decided by the job, because it is too large for a
// commit; what it may still change is pending.
//
// A strand that does not commute (NonCommuting) was touched by a demotion or an
// override: its events are decided in order, not merged as they come.
//
// # The way of a commit
//
//  1. Ingest admits a request, or refuses it while too much waits (mu, briefly).
//  2. prepare promotes and hashes its IDs, gives messageIds and packs bodies, in the
//     goroutine of the caller, without a lock. Then it is queued (mu).
//  3. The writer takes what waits as one round and holds the writing lock until the
//     round is done; whatever else commits in this space takes that lock too.
//  4. try opens a commit on a snapshot, by the rules that are in force in it.
//  5. dropDuplicates leaves out repeats; appendEvents gives the others their places
//     in the journal, which are their arrival numbers.
//  6. fetch reads what the decisions need, in few round trips. take decides each
//     event in order: a settled strand needs nothing, one that commutes is merged,
//     the rest is replayed by identity.Engine.
//  7. Traits and pairs of users and accounts follow, then refused messages.
//  8. fill, Tx.Stage and finish put it all into one batch: index keys, records that
//     changed, the feed record, counters, and on a shared store what it relies on.
//  9. commitTx makes it durable and learns from it: caches, recent messageIds, the
//     ends of the lane. Callers are answered, and the lock is free.
//
// Deferred replays, rules that are applied, events that move to other strands, undo and
// the budget of refused messages go the same way from step 4 on. How keys and records lie in the store is
// declared in codec, and nowhere else.
package space
