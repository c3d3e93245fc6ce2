// Package compute turns events into computed traits and audiences. It is pure: no
// store, no clock.
//
// # Words
//
// A definition is a computed trait or an audience of a Document, under a key.
//
// A stream is what definitions take from events: calls and names, a condition that
// holds when the event comes, and the path of a value. Equal streams of several
// definitions are one. Its number is given once and never again to another; see
// Streams.
//
// A row is what one event contributes to one stream. Rows hang on strands, which
// never split, so that a merge, an undo or a late event changes only which rows a
// profile has, and every value is a fold over these.
//
// A tile is the fold of the rows of one stream of one strand and one day of UTC. It
// may be read in the place of its rows wherever their order does not matter.
//
// A memo keeps folds of one profile, to which rows are added in any order.
//
// # Values
//
// Set.Extract takes the rows out of an event. Set.Eval makes values out of rows, as of
// a moment, and says the next moment at which they can change although no event comes.
// Rows later than the moment do not count. A window is half open and its edges are
// whole seconds: an event of time t counts in a window of length n from t until the
// first whole second that is not before t, plus n.
//
// Events are in the order of their moments: time, receivedAt, arrival.
package compute
