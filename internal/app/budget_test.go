package app

import (
	"testing"

	"github.com/selfsame-id/selfsame/internal/config"
)

func TestBudgetIsWhatIsConfigured(t *testing.T) {
	for _, memory := range []config.Bytes{768 << 20, 1 << 30, 4 << 30, 64 << 30} {
		for _, shared := range []bool{false, true} {
			b, m := budgetOf(memory, shared), int64(memory)
			if total := process + b.blocks + 3*b.memtable + requests(memory) + b.spaces; total > m || total < m*9/10 {
				t.Errorf("of %s all parts are %s", memory, config.Bytes(total))
			}
			// What is not in Go's heap, and all that is.
			if most := process + b.heap + b.blocks + 4*b.memtable; most > m+m/4 {
				t.Errorf("of %s the process may take %s", memory, config.Bytes(most))
			}
			// The collector has room.
			if live := b.spaces + requests(memory); b.heap < live+live/4 {
				t.Errorf("of %s Go may take %s, of which %s are in use", memory, config.Bytes(b.heap), config.Bytes(live))
			}
			if shared && b.blocks+b.memtable > 0 {
				t.Errorf("a shared store has %+v on this machine", b)
			}
			for _, n := range []int{0, 1, 2, 10} {
				s := b.share(n)
				if total := int64(max(n, 1)) * (s.cache + s.dedupe + s.profiles); total > b.spaces || total < b.spaces*9/10 {
					t.Errorf("%d spaces get %s together of %s", n, config.Bytes(total), config.Bytes(b.spaces))
				}
			}
		}
	}
}

func TestLittleMemoryIsEnoughToWork(t *testing.T) {
	b := budgetOf(64<<20, false)
	if b.memtable < leastMemtable || b.heap < leastHeap || b.spaces < 8<<20 || b.blocks < 8<<20 {
		t.Errorf("%+v", b)
	}
	if s := b.share(1000); s.cache < leastShare || s.dedupe < leastShare || s.profiles < leastShare {
		t.Errorf("too little to work: %+v", s)
	}
}
