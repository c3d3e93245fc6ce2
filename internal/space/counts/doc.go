// Package counts keeps the books of a space that every commit adds to: what happened
// hour by hour, and what is stored of each source's events. Each lane of a feed has its
// own, so that nodes never wait for each other; the sum over lanes is what counts.
package counts

// pageSize is how many entries a scan takes at once.
const pageSize = 512
