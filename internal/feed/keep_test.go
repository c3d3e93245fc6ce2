package feed

import (
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// What a follower does not keep is as if it were not there, and what it keeps is what
// everybody reads.
func TestKeepingSomeChanges(t *testing.T) {
	gen := records()
	rapid.Check(t, func(t *rapid.T) {
		r := gen.Draw(t, "record")
		wanted := func(c *Change) bool { return c.Kind%2 == 0 }
		stored := r.Append(nil)
		all, err := Decode(stored)
		if err != nil {
			t.Fatal(err)
		}
		all.Rows, all.Rewritten = nil, nil
		all.Changes = slices.DeleteFunc(all.Changes, func(c Change) bool { return !wanted(&c) })
		if len(all.Changes) == 0 {
			all.Changes = nil
		}
		some, err := decode(stored, func(so *Record, c *Change) bool {
			if so.Seq != r.Seq || len(so.Changes) > len(all.Changes) {
				t.Fatalf("it was asked of record %d with %d changes", so.Seq, len(so.Changes))
			}
			return wanted(c)
		})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(some, all) {
			t.Fatalf("kept %+v, want %+v", some, all)
		}
	})
}
