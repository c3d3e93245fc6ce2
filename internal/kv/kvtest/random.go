package kvtest

import (
	"context"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// testModel runs random sequences of operations on the store and the model and
// compares all that they answer.
func testModel(t *testing.T, b Backend) {
	s := b.open(t)
	ctx := context.Background()
	keys := rapid.Custom(func(t *rapid.T) []byte {
		return rapid.SliceOfN(rapid.SampledFrom([]byte{0, 'a', 'b', 0xff}), 1, 3).Draw(t, "key")
	})
	bounds := rapid.Custom(func(t *rapid.T) []byte {
		if rapid.IntRange(0, 3).Draw(t, "nil") == 0 {
			return nil
		}
		return rapid.SliceOfN(rapid.SampledFrom([]byte{0, 'a', 'b', 0xff}), 0, 3).Draw(t, "bound")
	})
	values := rapid.SampledFrom([][]byte{{}, []byte("x"), []byte("y"), make([]byte, 3000)})

	rapid.Check(t, func(t *rapid.T) {
		var wipe kv.Batch
		wipe.DeleteRange(nil, nil)
		if err := s.Store.Commit(ctx, &wipe); err != nil {
			t.Fatal(err)
		}
		now := model{}
		type snap struct {
			r kv.Reader
			m model
		}
		var snaps []snap
		defer func() {
			for _, s := range snaps {
				s.r.Close()
			}
		}()
		commit := func(t *rapid.T) {
			var batch kv.Batch
			for range rapid.IntRange(0, 6).Draw(t, "ops") {
				key := keys.Draw(t, "key")
				switch rapid.IntRange(0, 9).Draw(t, "kind") {
				case 0, 1, 2:
					batch.Put(key, values.Draw(t, "value"))
				case 3, 4:
					batch.Insert(key, values.Draw(t, "value"))
				case 5, 6:
					batch.Delete(key)
				case 7:
					batch.DeleteRange(bounds.Draw(t, "from"), bounds.Draw(t, "to"))
				case 8: // one that holds
					if v, ok := now[string(key)]; ok {
						batch.Require(key, []byte(v))
					} else {
						batch.Require(key, nil)
					}
				case 9:
					batch.Require(key, values.Draw(t, "value"))
				}
			}
			next, want := now.commit(&batch)
			err := s.Store.Commit(ctx, &batch)
			if !errors.Is(err, want) {
				t.Fatalf("Commit: %v, want %v", err, want)
			}
			now = next
		}
		take := func(t *rapid.T) {
			r, err := s.Store.Snapshot(ctx)
			if err == nil { // a first read fixes the state of a lazy snapshot
				_, err = r.Get(ctx, []byte("a"))
			}
			if err != nil {
				t.Fatal(err)
			}
			if snaps = append(snaps, snap{r, now}); len(snaps) > 3 {
				snaps[0].r.Close()
				snaps = snaps[1:]
			}
		}
		pick := func(t *rapid.T) snap {
			if len(snaps) == 0 {
				take(t)
			}
			return snaps[rapid.IntRange(0, len(snaps)-1).Draw(t, "snapshot")]
		}
		t.Repeat(map[string]func(t *rapid.T){
			"commit":      commit,
			"commit more": commit,
			"snapshot":    take,
			"get": func(t *rapid.T) {
				p := pick(t)
				names := rapid.OneOf(rapid.SliceOfN(keys, 0, 5), rapid.SliceOfN(keys, 16, 24)).Draw(t, "keys")
				got, err := p.r.Get(ctx, names...)
				if err != nil {
					t.Fatal(err)
				}
				for i, name := range names {
					want, ok := p.m[string(name)]
					if ok != (got[i] != nil) || want != string(got[i]) {
						t.Fatalf("Get(%q) = %q (nil: %v), want %q (there: %v)", name, got[i], got[i] == nil, want, ok)
					}
				}
			},
			"scan": func(t *rapid.T) {
				p := pick(t)
				from, to := bounds.Draw(t, "from"), bounds.Draw(t, "to")
				limit, reverse := rapid.IntRange(1, 12).Draw(t, "limit"), rapid.Bool().Draw(t, "reverse")
				got, err := p.r.Scan(ctx, from, to, limit, reverse)
				if err != nil {
					t.Fatal(err)
				}
				if d := differ(got, p.m.scan(from, to, limit, reverse)); d != "" {
					t.Fatalf("Scan(%q, %q, %d, %v): %s", from, to, limit, reverse, d)
				}
			},
			"scans": func(t *rapid.T) {
				p := pick(t)
				var ranges []kv.Range
				for range rapid.OneOf(rapid.IntRange(0, 4), rapid.IntRange(16, 20)).Draw(t, "ranges") {
					ranges = append(ranges, kv.Range{From: bounds.Draw(t, "from"), To: bounds.Draw(t, "to")})
				}
				limit, reverse := rapid.IntRange(1, 12).Draw(t, "limit"), rapid.Bool().Draw(t, "reverse")
				got, err := p.r.Scans(ctx, ranges, limit, reverse)
				if err != nil || len(got) != len(ranges) {
					t.Fatalf("%d answers to %d ranges: %v", len(got), len(ranges), err)
				}
				for i, rg := range ranges {
					if d := differ(got[i], p.m.scan(rg.From, rg.To, limit, reverse)); d != "" {
						t.Fatalf("range %d of %q, %d, %v: %s", i, ranges, limit, reverse, d)
					}
				}
			},
		})
	})
}
