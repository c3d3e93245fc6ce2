package app

import "github.com/selfsame-id/selfsame/internal/config"

// share is what one space may keep in memory.
type share struct {
	cache, dedupe int64
}

// leastShare is what a space needs, however many there are.
const leastShare = 8 << 20

// storeShare is the store's part of the memory: a quarter, for bodies and old
// index blocks; what is read all the time is in the caches of the spaces.
func storeShare(memory config.Bytes) int64 { return int64(memory) / 4 }

// spaceShare divides the rest among n spaces: a third of each share remembers
// message IDs, the rest strands and profiles. A space that is made while the
// server runs gets the share of as many as there are then; the next start divides
// anew. A share is a bound: its memory is taken as it is needed.
func spaceShare(memory config.Bytes, n int) share {
	each := (int64(memory) - storeShare(memory)) / int64(max(n, 1))
	return share{cache: max(each-each/3, leastShare), dedupe: max(each/3, leastShare)}
}
