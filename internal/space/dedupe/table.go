package dedupe

// sameHash is how many blocks are kept for one hash. There is more than one
// only when a message came again after its window, or two messages have one
// hash; whoever sends one messageId for ever must not make the rows long.
const sameHash = 4

// table maps hashes to blocks: open addressing, in the order of the
// hashes' highest bits, at most three quarters full. A hash of 0 stands
// for no entry: Recent never asks for it.
type table struct {
	slots []entry // a power of two
	shift int     // hash >> shift is the first slot to look at
	count int
	// first and last are the blocks of the first entry and of the last; oldest
	// and newest when they came, in nanoseconds since 1970.
	first, last    uint64
	oldest, newest int64
}

// newTable makes an empty table of a number of slots, a power of two.
func newTable(slots int) *table {
	t := &table{slots: make([]entry, slots), shift: 64}
	for n := slots; n > 1; n >>= 1 {
		t.shift--
	}
	return t
}

func (t *table) bytes() int64 { return int64(len(t.slots)) * entryBytes }

// full is how many entries the table takes before it grows.
func (t *table) full() int { return len(t.slots) / 4 * 3 }

// find appends the blocks of a hash to dst.
func (t *table) find(dst []uint64, hash uint64) []uint64 {
	mask := len(t.slots) - 1
	for i := int(hash >> t.shift); ; i++ {
		e := &t.slots[i&mask]
		switch e.hash {
		case 0:
			return dst
		case hash:
			dst = append(dst, e.place)
		}
	}
}

// add puts an entry into the table, which must not be full.
func (t *table) add(hash, block uint64) {
	mask := len(t.slots) - 1
	same := 0
	var lowest *entry
	for i := int(hash >> t.shift); ; i++ {
		e := &t.slots[i&mask]
		switch e.hash {
		case 0:
			if same == sameHash {
				lowest.place = block
				return
			}
			*e = entry{hash, block}
			t.count++
			return
		case hash:
			if e.place == block {
				return
			}
			if same++; lowest == nil || e.place < lowest.place {
				lowest = e
			}
		}
	}
}

// grow gives the table twice the room.
func (t *table) grow() {
	n := newTable(2 * len(t.slots))
	for _, e := range t.slots {
		if e.hash != 0 {
			n.add(e.hash, e.place)
		}
	}
	t.slots, t.shift = n.slots, n.shift
}

// entries returns the entries in the order of their hashes. They lie nearly so:
// an entry is behind others only within a row of full slots, and the last row
// may go on at the front.
func (t *table) entries() []entry {
	list := make([]entry, 0, t.count)
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
