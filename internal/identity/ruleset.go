package identity

import "github.com/selfsame-id/selfsame/internal/event"

// Ruleset is a compiled, checked and immutable form of Rules. It may be used
// from many goroutines at once.
type Ruleset struct{}

// Compile checks rules and reports all mistakes at once.
func Compile(r Rules) (*Ruleset, error) { return &Ruleset{}, nil }

// Promotion is what a message says about who it is: distinct IDs in canonical
// order (ID.Compare), blocked values included, excluded ones left out.
type Promotion struct {
	Users, Accounts []ID
}

// Promote extracts the external IDs of a message that came from a source.
func (rs *Ruleset) Promote(m *event.Message, source string) Promotion { return Promotion{} }

// Blocked reports whether an ID's value is one that identifies nobody.
func (rs *Ruleset) Blocked(id ID) bool { return false }

// NamesPerson reports whether a type names a person (user_id, email, custom
// types, ...) and not a device or a cookie.
func (rs *Ruleset) NamesPerson(idType string) bool { return false }

// ComparePriority orders IDs by the rules' priority, ties by value.
func (rs *Ruleset) ComparePriority(a, b ID) int { return 0 }

// Limit returns how many values of a type a profile may have.
func (rs *Ruleset) Limit(c Collection, idType string) Limit { return Limit{} }

// MaxIdentifiers is the mapping cap.
func (rs *Ruleset) MaxIdentifiers() int { return 0 }

// Arrival reports whether the rules ask for order: arrival.
func (rs *Ruleset) Arrival() bool { return false }

// MaxMerges is how many merges a profile may go through under order: arrival.
func (rs *Ruleset) MaxMerges() int { return 0 }
