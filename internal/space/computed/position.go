package computed

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// position is what the evaluator has to know when it goes on: one record, which only
// the holder of the lease writes, with each of its commits.
type position struct {
	Cursor string `json:"cursor"` // how far the feed was read
	Time   int64  `json:"time"`   // of the last record that was read
	// Sizes counts the members of audiences, by number.
	Sizes map[uint32]int64 `json:"sizes,omitempty"`
	// Complete says of each definition, by number, what it meant when it was computed
	// over all of history.
	Complete map[uint32]string `json:"complete,omitempty"`
	// Streams are those whose rows cover all of history.
	Streams []compute.StreamID `json:"streams,omitempty"`
	Job     *job               `json:"job,omitempty"`
	// Unused are streams whose rows are being taken out, Gone those whose rows were.
	Unused *unused            `json:"unused,omitempty"`
	Gone   []compute.StreamID `json:"gone,omitempty"`
	// Skipped counts what streams in use could not take from events, and Problems, by
	// the number of the definition, why expressions on profiles did not hold.
	Skipped  map[compute.StreamID]counts `json:"skipped,omitempty"`
	Problems map[uint32]counts           `json:"problems,omitempty"`

	// Folds is the foldsVersion of whoever wrote this. Memos of another one are of no use:
	// they may not have what came since, or may have been made otherwise.
	Folds int `json:"folds,omitempty"`

	cursor feed.Cursor
}

// foldsVersion is that of the memos in the store, and of what keeps them.
const foldsVersion = 1

// job is the work of computing definitions over history: first the rows of streams that
// are new, then the values of all profiles.
type job struct {
	Revision uint64             `json:"revision"` // of the definitions that it is for
	Streams  []compute.StreamID `json:"streams,omitempty"`
	Block    blockText          `json:"block"`            // the last one that was read for rows
	End      blockText          `json:"end"`              // the last one to read
	Values   bool               `json:"values,omitempty"` // rows are done
	Profile  codec.ProfileID    `json:"profile"`          // the last one that was evaluated
	Rows     bool               `json:"rows,omitempty"`   // only who has rows of the streams is evaluated
	Row      []byte             `json:"row,omitempty"`    // the last one whose owner was
	Done     int64              `json:"done"`             // events, then profiles
	Total    int64              `json:"total"`
	Since    int64              `json:"since"` // when it began
}

// blockText is the number of a block that can be read from text.
type blockText struct{ event.Block }

// UnmarshalText reads what event.Block writes.
func (b *blockText) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil {
		return err
	}
	var ok bool
	if b.Block, ok = event.ParseBlock(raw); !ok {
		return fmt.Errorf("%q is no block", text)
	}
	return nil
}

// readPosition reads where the evaluator is; the beginning if it never was anywhere.
func readPosition(ctx context.Context, r kv.Reader, keys codec.Keyspace) (*position, error) {
	got, err := r.Get(ctx, codec.Evaluation.Key(keys))
	if err != nil {
		return nil, err
	}
	return decodePosition(got[0])
}

func decodePosition(b []byte) (*position, error) {
	p := &position{Sizes: map[uint32]int64{}, Complete: map[uint32]string{}}
	p.Skipped, p.Problems = map[compute.StreamID]counts{}, map[uint32]counts{}
	if b == nil {
		return p, nil
	}
	if err := json.Unmarshal(b, p); err != nil {
		return nil, fmt.Errorf("%w: how far the definitions were evaluated: %w", kv.ErrCorrupt, err)
	}
	var err error
	if p.cursor, err = feed.ParseCursor(p.Cursor); err != nil {
		return nil, fmt.Errorf("%w: how far the definitions were evaluated: %w", kv.ErrCorrupt, err)
	}
	return p, nil
}

func (p *position) encode() ([]byte, error) {
	p.Cursor, p.Folds = p.cursor.String(), foldsVersion
	return json.Marshal(p)
}

// clone copies p, so that a commit that fails changes nothing.
func (p *position) clone() *position {
	c := *p
	c.Sizes = make(map[uint32]int64, len(p.Sizes))
	for k, v := range p.Sizes {
		c.Sizes[k] = v
	}
	c.Complete = make(map[uint32]string, len(p.Complete))
	for k, v := range p.Complete {
		c.Complete[k] = v
	}
	c.Skipped, c.Problems = cloneCounts(p.Skipped), cloneCounts(p.Problems)
	if p.Job != nil {
		j := *p.Job
		c.Job = &j
	}
	return &c
}
