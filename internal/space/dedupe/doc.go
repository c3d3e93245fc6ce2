// Package dedupe finds where messages with a messageId lie, by the hashes of the
// messageIds, among any number of messages in bounded memory: an Index is sorted
// in a file of its own, which nothing but memory and disk has to hold and which
// is gone when it is closed. What it finds proves nothing; the message itself
// does.
package dedupe
