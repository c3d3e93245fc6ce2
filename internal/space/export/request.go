package export

import (
	"fmt"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
)

// What can be exported.
const (
	Profiles    = "profiles"
	Identifiers = "identifiers"
	Members     = "members"
	Events      = "events"
)

// Kinds are what can be exported.
var Kinds = []string{Profiles, Members, Events, Identifiers}

// The formats.
const (
	NDJSON  = "ndjson"
	CSV     = "csv"
	Parquet = "parquet"
)

// Formats are the formats there are.
var Formats = []string{NDJSON, CSV, Parquet}

// Request says what to export.
type Request struct {
	Kind       string
	Format     string
	Collection identity.Collection // 0: users; of events it counts for filters only
	// Columns are what profiles and members have besides their ID, in this order: columns
	// of the standard ones, names of traits, or types of identifiers. Empty: the standard
	// ones.
	Columns []string
	// Audience lets only its members through, or their events. Exports of members are of
	// all audiences without it.
	Audience string
	// Where is an expression in CEL that has to hold: over traits, identifiers and audiences,
	// as in the definition of an audience; of events over the event, as in the where of a
	// computed trait.
	Where string
	// Source lets only events of one source through, by its ID.
	Source string
}

const mostColumns = 200

// check refuses what cannot be. Errors wrap space.ErrInvalid.
func (q *Request) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", space.ErrInvalid, fmt.Sprintf(format, args...))
	}
	switch {
	case !slices.Contains(Kinds, q.Kind):
		return bad("%.40q cannot be exported; choose %s", q.Kind, strings.Join(Kinds, ", "))
	case !slices.Contains(Formats, q.Format):
		return bad("the format is %.40q; choose %s", q.Format, strings.Join(Formats, ", "))
	case q.Source != "" && q.Kind != Events:
		return bad("only events are of a source")
	case len(q.Columns) > 0 && q.Kind != Profiles && q.Kind != Members:
		return bad("columns can be chosen of profiles and members only")
	case len(q.Columns) > mostColumns:
		return bad("more than %d columns", mostColumns)
	}
	for i, c := range q.Columns {
		if c == "" || len(c) > 200 || slices.Contains(q.Columns[:i], c) {
			return bad("the column %.40q is empty, too long, or there twice", c)
		}
	}
	if q.Collection == 0 {
		q.Collection = identity.Users
	}
	return nil
}
