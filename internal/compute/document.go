package compute

import (
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// Document is what a document of definitions says, read but not yet compiled. Its
// lists are sorted by key.
type Document struct {
	Traits    []Trait
	Audiences []Audience
	// SetTraits are traits that events set and that expressions may name before the
	// space has seen them, with their types.
	SetTraits map[string]ValueType
	// Destinations is the node of that name for whoever sends to them, nil if there
	// is none. It is not looked into here.
	Destinations *yaml.Node
}

// Kind is how a computed trait's value comes from its rows.
type Kind string

// The kinds.
const (
	Count        Kind = "count"
	Sum          Kind = "sum"
	Average      Kind = "average"
	Minimum      Kind = "minimum"
	Maximum      Kind = "maximum"
	First        Kind = "first"
	Last         Kind = "last"
	MostFrequent Kind = "most_frequent"
	UniqueList   Kind = "unique_list"
	UniqueCount  Kind = "unique_count"
	Since        Kind = "since"
	Unmatched    Kind = "unmatched"
	Funnel       Kind = "funnel"
)

// ValueType is the type of a value in expressions.
type ValueType string

// The types.
const (
	AnyValue     ValueType = "any"
	StringValue  ValueType = "string"
	NumberValue  ValueType = "number"
	BooleanValue ValueType = "boolean"
	ListValue    ValueType = "list" // of strings
)

// Trait defines a computed trait.
type Trait struct {
	Key, Name, Description string

	Kind Kind
	For  identity.Collection
	// Of is what its rows are taken from: of an unmatched, the events that want a
	// match; empty for a funnel.
	Of Selection
	// OfKind is how a since folds its rows, "" for the other kinds.
	OfKind Kind
	// Other is the second selection: `last` of a since, `without` of an unmatched.
	Other Selection
	// Ever says that an unmatched value is matched by an earlier event too.
	Ever bool
	// Steps, Within, By and Measure are a funnel's. Within is 0 if it has no limit.
	Steps   []Selection
	Within  time.Duration
	By      string
	Measure Measure

	Window Window
	// Least is how often the value of a most_frequent must occur.
	Least int
	// If is an expression over traits; where it is false there is no value.
	If string

	Disabled bool
	Line     int // in the document
}

// Measure is what a funnel counts: instances of its first step.
type Measure string

// The measures.
const (
	Completed Measure = "completed" // that were followed by the other steps in time
	Abandoned Measure = "abandoned" // that were not, and the time is over
	Open      Measure = "open"      // that were not, and may yet be
)

// Selection says which events count, and which value is taken from them.
type Selection struct {
	Calls    []event.Type // any of these
	Events   []string     // names or globs; empty: any name
	Where    string       // CEL, "" if there is no condition
	Property string       // path of the value, "" if none is taken
	Line     int
}

// Window bounds the events that count by their time. The zero Window does not.
type Window struct {
	// Length is how far back it goes. Skip is how far back its other end is.
	Length, Skip time.Duration
	// Session is the longest pause within a session; only the last session counts,
	// while it lasts. Then Length and Skip are 0.
	Session time.Duration
}

// IsZero reports whether the window bounds nothing.
func (w Window) IsZero() bool { return w == Window{} }

// Quantifier is how the users of an account make it a member of an audience.
type Quantifier string

// The quantifiers.
const (
	AnyUser  Quantifier = "any"
	AllUsers Quantifier = "all"  // false without users
	NoUser   Quantifier = "none" // true without users
)

// Audience defines an audience.
type Audience struct {
	Key, Name, Description string

	For  identity.Collection
	When string // CEL
	// Users makes When a condition on the users of an account; "" elsewhere.
	Users Quantifier
	// Anonymous lets profiles in that have no user_id, e-mail address or
	// advertising ID.
	Anonymous bool

	Disabled bool
	Line     int
}
