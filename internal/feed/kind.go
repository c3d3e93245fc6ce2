package feed

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrBadKind: a text names no kind of change.
var ErrBadKind = errors.New("not a kind of change")

// kindNames are part of the public API: a name is never given another meaning.
var kindNames = [...]string{
	ProfileCreated: "profile_created",
	IDAdded:        "id_added",
	Merged:         "merged",
	Unmerged:       "unmerged",
	Demoted:        "demoted",
	TraitSet:       "trait_set",
	TraitRemoved:   "trait_removed",
	IDRemoved:      "id_removed",
	Unresolved:     "unresolved",

	Regrouped:        "regrouped",
	ComputedSet:      "computed_set",
	ComputedRemoved:  "computed_removed",
	AudienceEntered:  "audience_entered",
	AudienceExited:   "audience_exited",
	ComputedComplete: "computed_complete",
}

// otherKind starts the name of a kind that this version does not know, so that
// a record that holds one can still be shown.
const otherKind = "kind_"

// String is the kind's name, such as "profile_created".
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return otherKind + strconv.Itoa(int(k))
}

// MarshalText gives the kind's name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText gives. Anything else is ErrBadKind.
func (k *Kind) UnmarshalText(text []byte) error {
	name := string(text)
	for i, n := range kindNames {
		if n != "" && n == name {
			*k = Kind(i)
			return nil
		}
	}
	if number, ok := strings.CutPrefix(name, otherKind); ok {
		if n, err := strconv.ParseUint(number, 10, 8); err == nil {
			*k = Kind(n)
			return nil
		}
	}
	return fmt.Errorf("%w: %.40q", ErrBadKind, name)
}
