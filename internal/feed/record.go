package feed

import (
	"encoding/json"
	"strings"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// Kind says what changed.
type Kind uint8

// The kinds of changes.
const (
	ProfileCreated Kind = iota + 1
	IDAdded             // an ID was accepted into Profile
	Merged              // profile From now leads to Profile
	Unmerged            // profile Profile was split off from From
	Demoted             // an ID of a strand was left out, Reason says why
	TraitSet            // a strand of Profile set Trait to Value
	TraitRemoved        // a strand of Profile removed Trait
	IDRemoved           // an ID no longer belongs to Profile (a late event showed whose it is)
	Unresolved          // an event is of no profile, Reason says why; Value lists its IDs if it has several

	Regrouped        // strands came to Profile or left it, and no other change of the record says so
	ComputedSet      // the computed trait Trait of Profile is now Value
	ComputedRemoved  // Profile has no value of the computed trait Trait any more
	AudienceEntered  // Profile is in the audience Trait now
	AudienceExited   // Profile is not in the audience Trait any more
	ComputedComplete // the definition Trait was computed over all of history; of no profile
)

// Change is one change of a record. Fields that do not apply are empty.
type Change struct {
	Kind    Kind
	Profile string
	Version uint64 // of Profile after the change
	From    string
	IDType  string
	IDValue string
	// Reason is why an ID was left out or an event is nobody's; of other changes,
	// what they are due to where that is no event: "override: ID",
	// "override taken back: ID", "rules: version N".
	Reason    string
	Trait     string
	Value     json.RawMessage
	Time      int64  // of the event that caused it, ns since 1970
	MessageID string // of that event
	// Source is where that event came from. It is told of changes of identity; not
	// of traits, and not of what people, rules or records of older versions did.
	Source string
}

// Record is what one commit changed. Lane and Seq name it: within a lane, Seq
// counts up by one.
type Record struct {
	Lane    uint64
	Seq     uint64
	Time    int64         // of the commit, ns since 1970
	Events  int           // events stored by the commit
	Blocks  []event.Block // of the journal, in order
	Changes []Change
	Rows    []Row // that definitions took from the commit's events
	// Rewritten are the strands whose rows of older events are not what they were.
	Rewritten []identity.Hash
}

// Row is what an event contributes to a stream of the definitions of traits and
// audiences, under a strand.
type Row struct {
	Strand identity.Hash
	Stream uint32
	At     event.Moment
	Value  []byte
}

// Clip shortens a value that may be absurd to what a record may hold.
func Clip(s string) string {
	if len(s) > 200 {
		return strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}
