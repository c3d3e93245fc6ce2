// Package search finds profiles by their traits and identifiers.
//
// # The index
//
// An entry says that a strand has a value of a trait, or that there is an identifier:
// (collection, field, folded value, strand or identifier). Whose it is, is found when it
// is read. Strands never split and identifiers are never renamed, so a merge, an undo or
// other rules touch no entry. Computed traits are of profiles, and so are their entries,
// which follow what the feed tells of them.
//
// A task follows the feed behind ingestion, under a lease: the blocks of a record say
// which strands may have said something new, and what the index says of a strand is kept
// beside its entries, so that the difference is written. Once, and again when other rules
// may have moved events to other strands, it passes over all strands and identifiers, a
// piece in each commit. While events come in it works a small part of the time.
//
// # Finding
//
// The condition with the fewest entries leads; the profiles that its entries lead to are
// read from the same snapshot, and all conditions are asked of what they are now. A
// profile is shown at the first entry, in the order of the index, that is true of it: so
// it comes once, and a page needs to know nothing of those before it.
package search
