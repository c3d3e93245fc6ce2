// Package profile makes a profile out of its strands: traits, identifiers and
// metadata are kept per strand, and a profile's are the fold over its strands.
//
// Every fold is commutative, associative and idempotent. So a merge, an unmerge
// or a change of rules only regroups strands, and neither the order in which
// events arrive nor the order in which strands are folded shows in the result.
//
// The package is pure: no I/O, no clock.
package profile
