// Package identity decides who is who. It is pure: no I/O, no clock, no store.
//
// It promotes the external IDs of a message, groups what was seen under one
// exact set of IDs into a strand, and resolves strands into profiles under a
// space's rules. Resolve is the batch function that defines the truth; Engine
// keeps the same answer up to date as events arrive in any order.
package identity
