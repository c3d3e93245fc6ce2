package compute

import (
	"sync"
	"testing"
)

// A Set is used by many goroutines, which all see the same.
func TestSetIsSharedByGoroutines(t *testing.T) {
	set := compiled(t, segkicks)
	rows := janeRows(t, set)
	m := parsed(t, `{"type":"track","event":"Order Completed","userId":"u","properties":{"revenue":60,"products":[{"product_id":"a","category":"shoes"}]}}`)
	now := nanos(t, "2024-01-01T00:00:00Z")
	want, err := set.Eval(rows, users, now)
	if err != nil {
		t.Fatal(err)
	}
	var once Taken
	set.Extract(&m, "", &once)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			var taken Taken
			for range 50 {
				taken.Reset()
				set.Extract(&m, "", &taken)
				if len(taken.Rows) != len(once.Rows) || len(once.Rows) < 4 {
					t.Errorf("%d rows, want %d", len(taken.Rows), len(once.Rows))
				}
				got, err := set.Eval(rows, users, now)
				if err != nil || shown(got) != shown(want) {
					t.Errorf("%s %v", shown(got), err)
				}
			}
		})
	}
	all.Wait()
}
