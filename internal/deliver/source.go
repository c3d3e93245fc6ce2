package deliver

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/feed"
)

// ErrNotFound: there is no such profile, destination, dead letter.
var ErrNotFound = errors.New("not found")

// Source is where deliveries start from: the space with its computed values. All
// methods may be called from many goroutines at once.
type Source interface {
	// Feed reads up to limit records after a cursor, and the cursor after them.
	Feed(ctx context.Context, cursor string, limit int) ([]feed.Record, string, error)
	// End is the cursor after all records that there are.
	End(ctx context.Context) (string, error)
	// Keys lists the computed traits and audiences that there are. Their names are never
	// used again for others.
	Keys(ctx context.Context) ([]Key, error)
	// Profile reads one profile, by its own ID, also one that was merged away, as it
	// is now: identity and values of one moment. Values that follow from a regrouping
	// (merge, undo, rules) are those after it. ErrNotFound.
	Profile(ctx context.Context, id string) (*Profile, error)
	// Profiles reads the profiles that IDs lead to, each once, for whoever follows the feed;
	// those that are not there are left out. Their values are those that the feed has told:
	// what is newer it will tell. Those of profiles that were regrouped are as Profile
	// has them, but that since when values are so may be known only of keys that are dated.
	Profiles(ctx context.Context, ids []string, dated func(key string) bool) ([]*Profile, error)
	// Owner reads the profile of a collection (users, accounts) that has an identifier. ErrNotFound: none has it.
	Owner(ctx context.Context, collection string, id Identifier) (*Profile, error)
	// Walk reads profiles in the order of their IDs, after a given one ("": from the
	// first), and says behind which to go on ("": that was all). Those without a value
	// are only needed with all. A page may be empty.
	Walk(ctx context.Context, after string, limit int, all bool) (page []*Profile, next string, err error)
	// Events reads events of the journal with the profiles that they belong to now.
	// Those that were erased are left out; those of nobody have no Profile.
	Events(ctx context.Context, blocks []event.Block, f func(*StoredEvent) error) error
}

// Key is a computed trait or an audience.
type Key struct {
	Name  string
	Class Class
	// Complete means that it was computed over all of history, and is not disabled.
	// Otherwise nothing is said of it.
	Complete bool
}

// Profile is what is true of one profile.
type Profile struct {
	ID          string // use_… or acc_…
	Merged      []string
	Identifiers []Identifier // by first sighting, oldest first
	Values      map[string]Value
	Traits      map[string]json.RawMessage // those that calls set
	// TraitSources are the IDs of the sources that set the traits.
	TraitSources map[string]string
}

// Value is the value of a computed trait, or the membership in an audience.
type Value struct {
	JSON json.RawMessage // of an audience true, or nil; nil also where a trait has no value
	// Since is the time of the event that made it so, or the moment at which it
	// became so by itself, ns since 1970; 0: not known.
	Since int64
}

// StoredEvent is an event with whose it is.
type StoredEvent struct {
	Profile   string
	Body      json.RawMessage // as sent
	MessageID string
	Type      string
	Name      string // of a track call
	Source    string
	Time      int64 // its own, ns since 1970
}
