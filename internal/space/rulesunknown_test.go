package space_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/rules"
)

// unsure is a store that once does not know what became of a commit that sets rules:
// it is given to fate instead.
type unsure struct {
	sharedMemory
	fate func(b *kv.Batch, rules kv.Op)
}

func (u *unsure) Commit(ctx context.Context, b *kv.Batch) error {
	for _, op := range b.Ops() {
		if op.Kind == kv.OpPut && bytes.Equal(op.Key, codec.Rules.Key(codec.NewKeyspace(1))) && u.fate != nil {
			fate := u.fate
			u.fate = nil
			fate(b, op)
			return kv.ErrUnknown
		}
	}
	return u.sharedMemory.Commit(ctx, b)
}

// Who sets rules is told whether they are set, also when the store could not say.
func TestTheFateOfNewRulesIsFoundOut(t *testing.T) {
	t.Parallel()
	capped := func(limit int) identity.Rules {
		return identity.Rules{Identifiers: []identity.Identifier{{Type: "anonymous_id", Limit: limit}}}
	}
	write := func(t *testing.T, u *unsure, b *kv.Batch) {
		if err := u.Store.Commit(t.Context(), b); err != nil {
			t.Error(err)
		}
	}
	for name, c := range map[string]struct {
		fate    func(t *testing.T, u *unsure, other *space.Space, b *kv.Batch, op kv.Op)
		version uint64 // that the rules have then; 0: another node's are in force
	}{
		"written": {func(t *testing.T, u *unsure, _ *space.Space, b *kv.Batch, _ kv.Op) { write(t, u, b) }, 1},
		"lost":    {func(*testing.T, *unsure, *space.Space, *kv.Batch, kv.Op) {}, 1},
		"written, and another node went on with it": {func(t *testing.T, u *unsure, _ *space.Space, b *kv.Batch, op kv.Op) {
			write(t, u, b)
			var next kv.Batch
			next.Put(op.Key, fmt.Append(op.Value[:len(op.Value):len(op.Value)], "\n"))
			write(t, u, &next)
		}, 1},
		"lost, and another node set rules": {func(t *testing.T, _ *unsure, other *space.Space, _ *kv.Batch, _ kv.Op) {
			if err := other.SetRules(t.Context(), capped(7), nil); err != nil {
				t.Error(err)
			}
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			memory := sharedMemory{memoryDisk()(t)}
			u := &unsure{sharedMemory: memory}
			s, other := openSpace(t, u, space.Config{}), openSpace(t, memory, space.Config{})
			defer memory.Close()
			defer other.Close(context.Background())
			defer s.Close(context.Background())
			u.fate = func(b *kv.Batch, op kv.Op) { c.fate(t, u, other, b, op) }
			zero := uint64(0)
			err := s.SetRules(t.Context(), capped(3), &zero)
			if want := c.version == 0; errors.Is(err, space.ErrChanged) != want || !want && err != nil {
				t.Fatalf("setting the rules: %v", err)
			}
			for _, n := range []*space.Space{s, other} {
				if err := n.AwaitRules(t.Context()); err != nil {
					t.Fatal(err)
				}
				got, err := n.Rules(t.Context())
				if err != nil || got.Version != 1 || got.Rules.Identifiers[0].Limit != map[uint64]int{0: 7, 1: 3}[c.version] {
					t.Errorf("%+v, %v", got, err)
				}
			}
			if page, err := rules.New(s).RulesHistory(t.Context(), 10, ""); err != nil || len(page.Versions) != 1 {
				t.Errorf("%d versions, %v", len(page.Versions), err)
			}
		})
	}
}
