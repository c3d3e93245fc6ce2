// Package journal is the blocks in which a space keeps its events, in the order
// in which they came: a header that says what is known of each event, and the
// bodies, compressed together. A block's ID and an ordinal are an event's arrival
// number and its address; both stay when a block is rewritten.
//
// What is erased is marked at once, in a bitmap that every reader honours, and
// taken out of the bodies when the block is rewritten.
package journal
