package compute

import (
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types/ref"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// Set is a compiled document: what is taken from events, and what becomes of it. It
// does not change, and is safe for concurrent use.
type Set struct {
	numbers    Streams
	streams    []*stream // those in use, by number
	byID       map[StreamID]*stream
	conditions []*condition
	calls      [event.Alias]index // by type; a Set takes nothing from alias calls

	users, accounts plan
}

// plan is what is computed of the profiles of one collection.
type plan struct {
	folds []*foldSpec
	// roles are, for every stream, the folds that it is of.
	roles map[StreamID][]role
	// order has the definitions, hidden ones too, each after those that it needs.
	order []*node
	// shown are the definitions of the document that are computed, by key; traits
	// first.
	shown  []Definition
	traits int // how many of these are traits
	// asked are the traits that expressions ask about, computed or not.
	asked map[string]bool
}

// role is a stream's part in a fold.
type role struct{ fold, no int }

// node is a definition that is computed.
type node struct {
	key    string
	kind   nodeKind
	hidden bool
	fold   int     // of a trait: index into plan.folds
	absent ref.Val // what its value is in expressions if it has none; nil: none
	text   string  // canonical form of program
	// program is `if` of a trait, nil if it has none, and `when` of an audience.
	program cel.Program
	// users is how the users of an account make it a member; members is the hidden
	// audience of these.
	users     Quantifier
	members   string
	anonymous bool
	needs     []string
	line      int
	path      string
}

type nodeKind uint8

const (
	traitNode nodeKind = iota
	audienceNode
)

// foldSpec is a fold that one or several definitions have in common.
type foldSpec struct {
	text    string // canonical
	kind    Kind
	ofKind  Kind
	least   int
	ever    bool
	within  time.Duration
	measure Measure
	window  Window
	streams []*stream // by role
}

// canonical is a text that equal folds have in common.
func (f *foldSpec) canonical() string {
	return f.describe(func(s *stream) string { return strconv.FormatUint(uint64(s.id), 10) })
}

// describe says what the fold does, with its streams as name has them.
func (f *foldSpec) describe(name func(*stream) string) string {
	var b strings.Builder
	b.WriteString(string(f.kind))
	if f.kind == Since {
		b.WriteString(" " + string(f.ofKind))
	}
	if f.kind == MostFrequent || f.ofKind == MostFrequent {
		b.WriteString(" least " + strconv.Itoa(f.least))
	}
	if f.ever {
		b.WriteString(" ever")
	}
	if f.kind == Funnel {
		b.WriteString(" " + string(f.measure) + " within " + FormatDuration(f.within))
	}
	if !f.window.IsZero() {
		b.WriteString(" window " + FormatDuration(f.window.Length) + " " + FormatDuration(f.window.Skip) + " " + FormatDuration(f.window.Session))
	}
	for _, s := range f.streams {
		b.WriteString(" " + name(s))
	}
	return b.String()
}

// Definition is a definition of the document that is computed.
type Definition struct {
	Key        string
	Audience   bool
	Collection identity.Collection
	// Signature is a text that is the same as long as its values are.
	Signature string
	// Streams are those that it takes rows from, also by way of others.
	Streams []StreamID

	slot int // among the nodes in order
}

// Definitions are the traits and audiences of the document that are computed, those
// disabled left out: of users, then of accounts; in each traits, then audiences; by key.
func (s *Set) Definitions() []Definition {
	return append(append([]Definition(nil), s.users.shown...), s.accounts.shown...)
}

// Asks reports whether an expression on profiles of a collection asks about a trait.
func (s *Set) Asks(c identity.Collection, trait string) bool { return s.plan(c).asked[trait] }

// Empty reports whether nothing is computed.
func (s *Set) Empty() bool { return len(s.users.order)+len(s.accounts.order) == 0 }

// Streams are the numbers of streams, with those that were given before.
func (s *Set) Streams() Streams { return s.numbers.clone() }

// Stream says what one stream in use takes.
type Stream struct {
	ID         StreamID
	Text       string // canonical, for people
	Collection identity.Collection
	// Tiled: its rows may be folded into tiles.
	Tiled bool
}

// InUse are the streams that events give rows to, by number.
func (s *Set) InUse() []Stream {
	out := make([]Stream, len(s.streams))
	for i, one := range s.streams {
		out[i] = Stream{one.id, one.text, one.collection, true}
	}
	return out
}

// Takes reports whether one of the streams, or any if there are none, may take something
// from a call of a type and name.
func (s *Set) Takes(t event.Type, name string, streams ...StreamID) bool {
	if int(t) >= len(s.calls) {
		return false
	}
	if len(streams) == 0 {
		for _, one := range s.streams {
			if one.matches(t, name) {
				return true
			}
		}
	}
	for _, id := range streams {
		if one := s.byID[id]; one != nil && one.matches(t, name) {
			return true
		}
	}
	return false
}

// plan returns the plan of a collection.
func (s *Set) plan(c identity.Collection) *plan {
	if c == identity.Accounts {
		return &s.accounts
	}
	return &s.users
}
