package generational

import "testing"

// What is used stays, what is not goes, and there are never more than the bound.
func TestWhatIsUsedStays(t *testing.T) {
	const bound = 400
	c := New[int, int](bound)
	for i := range 10 * bound {
		c.Put(i, -i)
		if v, ok := c.Get(0); !ok || v != 0 {
			t.Fatalf("the entry that is used is gone after %d others", i)
		}
		if n := len(c.young) + len(c.old); n > bound {
			t.Fatalf("%d entries, bound %d", n, bound)
		}
	}
	if _, ok := c.Get(1); ok {
		t.Error("an entry that was not used is still there")
	}
	if v, ok := c.Get(10*bound - 1); !ok || v != 1-10*bound {
		t.Errorf("the last entry is %d, %v", v, ok)
	}
	c.Drop(0)
	if _, ok := c.Get(0); ok {
		t.Error("an entry that was dropped is still there")
	}
	c.Resize(2)
	if n := len(c.young) + len(c.old); n > 2*fewest {
		t.Errorf("%d entries after it was made smaller", n)
	}
	c.Put(7, 7)
	c.Clear()
	if _, ok := c.Get(7); ok {
		t.Error("an entry of a cache that was cleared")
	}
}
