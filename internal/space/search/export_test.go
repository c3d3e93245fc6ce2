package search

import (
	"context"
	"testing"
)

// Settle waits until the index says all that is committed.
func (x *Index) Settle(t testing.TB) {
	t.Helper()
	for {
		ran := x.task.Ran()
		x.task.Wake()
		<-ran
		v, err := x.space.View(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		f := &finder{View: v}
		end, err := feedEnd(t.Context(), v.Reader(), v.Keys())
		if err != nil {
			t.Fatal(err)
		}
		st, _, err := readState(t.Context(), v.Reader(), v.Keys())
		if err != nil {
			t.Fatal(err)
		}
		version, applying := x.space.RulesInForce()
		done := len(end) == 0 || !applying && st.Pass == nil && st.Built && st.Rules == version && !st.Computed && st.Definitions == x.indexer.told.revision() && st.Cursor == end.String()
		f.Close()
		if done {
			return
		}
	}
}
