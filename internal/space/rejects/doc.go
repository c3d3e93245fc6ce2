// Package rejects keeps the messages that were refused, each with its reason, until they
// are sent again, are too old, or make room: each source has a budget of them, in number and
// in bytes, and the oldest go first.
//
// A reject is a record and a body, under the tag of its source and its time of receipt.
// Identical ones within an hour are one record with a count. What is kept is counted
// exactly, by source and code; each lane counts what it added, less what it removed, and
// the sum over the lanes is what there is.
//
// Rejects change in a transaction of the space, and what a commit made of them is
// learned when it has happened.
package rejects
