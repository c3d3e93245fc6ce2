package search

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// state is how far the index is, as it is stored.
type state struct {
	Cursor string `json:"cursor"`         // the feed was followed up to here
	Time   int64  `json:"time,omitempty"` // of the last record that was followed, nanoseconds since 1970
	Pass   *pass  `json:"pass,omitempty"` // over what is there; nil: none is under way
	Built  bool   `json:"built"`          // a pass has ended
	Rules  uint64 `json:"rules"`          // the version of the rules at the beginning of the last pass
	// Definitions is the revision at the beginning of the last pass over computed traits, and
	// Computed says that another one is to be made.
	Definitions uint64 `json:"definitions,omitempty"`
	Computed    bool   `json:"computed,omitempty"`
}

// pass goes over all strands and identifiers and makes the index say what they say.
type pass struct {
	Stage stage         `json:"stage"`
	From  identity.Hash `json:"from"` // within the stage
	// Profile is the last profile that was looked at, in the stages of computed traits.
	Profile codec.ProfileID `json:"profile,omitzero"`
	// Behind is the last key of the leftover stage that was looked at.
	Behind []byte `json:"behind,omitempty"`
	// Again means that there was an index before, which may say what is no more.
	Again bool `json:"again,omitempty"`
}

type stage int

const (
	strandStage     stage = iota // traits of strands
	identifierStage              // identifiers there are
	listedStage                  // profiles of which the index says that they have computed traits
	stateStage                   // profiles that have some
	leftoverStage                // entries of identifiers there are no more
	stages
)

// progress is how much of a pass is done, from 0 to 1: hashes lie evenly.
func (p *pass) progress() float64 {
	n := float64(leftoverStage)
	if p.Again {
		n = float64(stages)
	}
	part := float64(p.From[0])/256 + float64(p.From[1])/65536
	if p.Stage >= listedStage {
		part = 0.5 // its keys are no hashes
	}
	return (float64(p.Stage) + part) / n
}

// readState reads how far the index is; its bytes are nil where there is none yet.
func readState(ctx context.Context, r kv.Reader, ks codec.Keyspace) (st state, stored []byte, err error) {
	got, err := r.Get(ctx, codec.SearchState.Key(ks))
	if err != nil || got[0] == nil {
		return state{}, nil, err
	}
	if err := json.Unmarshal(got[0], &st); err != nil {
		return state{}, nil, fmt.Errorf("%w: how far the search index is: %w", kv.ErrCorrupt, err)
	}
	return st, got[0], nil
}

// feedEnd is the cursor behind all records of a snapshot.
func feedEnd(ctx context.Context, r kv.Reader, ks codec.Keyspace) (feed.Cursor, error) {
	return feed.End(ctx, r, ks)
}
