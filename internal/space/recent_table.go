package space

// recentEntry says that a message with a hash lies in a block. A hash of 0
// stands for no entry; recent never asks for it.
type recentEntry struct{ hash, block uint64 }

const recentEntryBytes = 16

// sameHash is how many blocks are kept for one hash. There is more than one
// only when a message came again after its window, or two messages have one
// hash; whoever sends one messageId for ever must not make the rows long.
const sameHash = 4

// recentTable maps hashes to blocks: open addressing, in the order of the
// hashes' highest bits, at most three quarters full.
type recentTable struct {
	slots []recentEntry // a power of two
	shift int           // hash >> shift is the first slot to look at
	count int
	// first and last are the blocks of the first entry and of the last; oldest
	// and newest when they came, in nanoseconds since 1970.
	first, last    uint64
	oldest, newest int64
}

// newRecentTable makes an empty table of a number of slots, a power of two.
func newRecentTable(slots int) *recentTable {
	t := &recentTable{slots: make([]recentEntry, slots), shift: 64}
	for n := slots; n > 1; n >>= 1 {
		t.shift--
	}
	return t
}

func (t *recentTable) bytes() int64 { return int64(len(t.slots)) * recentEntryBytes }

// full is how many entries the table takes before it grows.
func (t *recentTable) full() int { return len(t.slots) / 4 * 3 }

// find appends the blocks of a hash to dst.
func (t *recentTable) find(dst []uint64, hash uint64) []uint64 {
	mask := len(t.slots) - 1
	for i := int(hash >> t.shift); ; i++ {
		e := &t.slots[i&mask]
		switch e.hash {
		case 0:
			return dst
		case hash:
			dst = append(dst, e.block)
		}
	}
}

// add puts an entry into the table, which must not be full.
func (t *recentTable) add(hash, block uint64) {
	mask := len(t.slots) - 1
	same := 0
	var lowest *recentEntry
	for i := int(hash >> t.shift); ; i++ {
		e := &t.slots[i&mask]
		switch e.hash {
		case 0:
			if same == sameHash {
				lowest.block = block
				return
			}
			*e = recentEntry{hash, block}
			t.count++
			return
		case hash:
			if e.block == block {
				return
			}
			if same++; lowest == nil || e.block < lowest.block {
				lowest = e
			}
		}
	}
}

// grow gives the table twice the room.
func (t *recentTable) grow() {
	n := newRecentTable(2 * len(t.slots))
	for _, e := range t.slots {
		if e.hash != 0 {
			n.add(e.hash, e.block)
		}
	}
	t.slots, t.shift = n.slots, n.shift
}

// entries returns the entries in the order of their hashes. They lie nearly so:
// an entry is behind others only within a row of full slots, and the last row
// may go on at the front.
func (t *recentTable) entries() []recentEntry {
	list := make([]recentEntry, 0, t.count)
	front := 0
	for ; t.slots[front].hash != 0 && t.slots[front].hash>>t.shift > uint64(front); front++ {
	}
	for i := range t.slots {
		if e := t.slots[(front+i)&(len(t.slots)-1)]; e.hash != 0 {
			list = append(list, e)
		}
	}
	for i := 1; i < len(list); i++ {
		e, k := list[i], i
		for ; k > 0 && e.before(list[k-1]); k-- {
			list[k] = list[k-1]
		}
		list[k] = e
	}
	return list
}
