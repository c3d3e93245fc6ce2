// Package dedupe finds where messages with a messageId are, by the hashes of the
// messageIds, among any number of messages in bounded memory. What it finds proves
// nothing; the message itself does.
//
// Recent has the messages of the dedupe window, on a store with one writer: the
// youngest in memory, the others in the store, behind filters. An Index has any
// number of messages, sorted once, in a file of its own that is gone when it is closed.
// Confirm reads the messages behind what was found, and a Fingerprint tells those of one
// messageId apart. On a store that several nodes write, every recent message has a key
// with a Shared record.
package dedupe
