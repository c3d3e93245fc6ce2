package space_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// A profile of one version is always the same: who keeps what was read of it, and reads
// nothing but its version again, sees what somebody sees who reads everything. Events
// come late, replays are deferred, rules and overrides change meanwhile.
func TestVersionsMoveWithProfiles(t *testing.T) {
	for seed := range seeds(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 71))
			order := []string{"", "", "arrival"}[seed%3]
			s := openSpace(t, someDisk(seed)(t), space.Config{ReplayBound: []int{1000, 5}[rng.IntN(2)]})
			defer s.Close(context.Background())
			if err := s.SetRules(t.Context(), drawnRules(rng, order), nil); err != nil {
				t.Fatal(err)
			}
			keeps := query.New(s)
			keeps.KeepProfiles(64 << 20)
			lines := world(rng, 240, 3+rng.IntN(20))
			refs := everybody(lines)
			same := sameTwo(rng, lines)
			for len(lines) > 0 {
				n := min(1+rng.IntN(30), len(lines))
				ingest(t, s, lines[:n]...)
				lines = lines[n:]
				switch rng.IntN(8) {
				case 0:
					rules := drawnRules(rng, order)
					if rng.IntN(2) == 0 {
						rules = lookElsewhere(rng, rules)
					}
					if err := s.SetRules(t.Context(), rules, nil); err != nil {
						t.Fatal(err)
					}
				case 1:
					if len(same) > 0 {
						mustDecide(t, s, same[0])
						same = same[1:]
					}
				}
				for _, ref := range refs {
					sameProfile(t, s, keeps, ref)
				}
			}
			await(t, s)
			for _, ref := range refs {
				sameProfile(t, s, keeps, ref)
			}
		})
	}
}

// sameProfile reads a profile with a reader that keeps what it read and with one that
// does not, until nothing came in between.
func sameProfile(t *testing.T, s *space.Space, keeps *query.Reader, ref space.Ref) {
	t.Helper()
	for {
		was, err := query.New(s).Profile(t.Context(), ref)
		got, gerr := keeps.Profile(t.Context(), ref)
		is, ierr := query.New(s).Profile(t.Context(), ref)
		for _, err := range []error{err, gerr, ierr} {
			if err != nil && !errors.Is(err, space.ErrNotFound) {
				t.Fatal(err)
			}
		}
		if (err == nil) != (ierr == nil) || was.ID != is.ID || was.Version != is.Version || was.Provisional != is.Provisional {
			continue
		}
		if (gerr == nil) != (err == nil) || !reflect.DeepEqual(got, is) {
			t.Fatalf("%s:%s is kept as\n%+v %v\nand is\n%+v %v", ref.Type, ref.Value, got, gerr, is, ierr)
		}
		return
	}
}
