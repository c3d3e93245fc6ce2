// Package yardstick measures what a machine can do, so that figures of the
// server can be told as a ratio: absolute ones are other ones on another
// machine, and on this one tomorrow.
//
// C is one core that only parses events and joins their IDs in memory. H is
// net/http that answers a few static bytes. D is a file that is written from
// its beginning to its end, each piece synced.
package yardstick
