// Package journal is the blocks in which a space keeps its events, in the order
// in which they came: a header that says what is known of each event, and the
// bodies, compressed together. A block's ID and an ordinal are an event's arrival
// number and its address; both stay when a block is rewritten.
//
// An Appender fills the blocks of a commit. Erase marks events as erased, in a bitmap
// that every reader honours at once; Rewrite takes them out of the header and the
// bodies, and RewriteErased does so for many blocks, a commit each. Regulations
// (requests to delete a person's data) are to call Erase in the transaction that
// deletes the person, and RewriteErased from a background task that holds a lease.
// What was erased is also gone from what recovers recent messageIds: a message that is
// sent again after it was erased is new.
package journal
