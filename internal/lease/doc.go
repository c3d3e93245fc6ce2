// Package lease decides which of the processes that share a store does what only one
// of them may do. Each duty has a lease of its own. A lease is held for a time and
// renewed; when its holder is silent for longer, another process takes it.
//
// Clocks and pauses can make two processes believe that they hold a lease. So
// whatever the holder commits requires its Fence, which another holder makes void: what
// comes late fails with kv.ErrConflict.
package lease
