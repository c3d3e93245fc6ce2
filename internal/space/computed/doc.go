// Package computed keeps what the definitions of a space make of its profiles: the
// values of computed traits and the members of audiences.
//
// # Words
//
// A definition is a computed trait or an audience, under a key. All definitions of a
// space are one document; every version of it is kept. What a definition means is in
// package compute.
//
// A state is what was told of a profile: its values and memberships, each since an
// event time, and its timer, which says when they may change although no event comes.
//
// A definition is complete when its rows cover all of history and every profile was
// evaluated. Until then nothing is told of it.
//
// The memo of a profile keeps the folds of its rows between evaluations; see package
// compute. That of a large profile is stored.
//
// # The way of a value
//
// The heart writes what definitions take from an event with the event, as rows under
// its strand, and the feed says so. The evaluator follows the feed under a lease. It
// evaluates the profiles whose rows, strands, traits or identifiers changed, and those
// whose timers have run out, and commits what is new: states, members, timers, and a
// record of the feed with the changes.
//
// Whoever reads one profile has its rows folded on the spot, so what is read is exact
// at once. Lists and sizes of audiences are those of the evaluator's position, and say
// so.
package computed
