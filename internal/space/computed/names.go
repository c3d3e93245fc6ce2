package computed

import (
	"context"
	"slices"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// Names of traits that no event has set are mistakes of whoever writes definitions: most
// of them are misspelt. They are refused where that can be told, and only in documents
// that somebody applies; a version that is stored is never judged again.

// TraitNames lists the names of traits that events set on profiles of a collection. whole
// is false if there may be others.
type TraitNames func(ctx context.Context, c identity.Collection) (names []string, whole bool, err error)

// knownTraits are the traits that events set, by collection. One of which that cannot be
// told, or where none was set yet, is missing.
type knownTraits map[identity.Collection][]string

// knownTraits looks up which traits events set. What cannot be found out refuses nothing.
func (c *Computed) knownTraits(ctx context.Context) knownTraits {
	if c.cfg.TraitNames == nil {
		return nil
	}
	known := knownTraits{}
	for _, of := range [...]identity.Collection{identity.Users, identity.Accounts} {
		if names, whole, err := c.cfg.TraitNames(ctx, of); err == nil && whole && len(names) > 0 {
			known[of] = names
		}
	}
	return known
}

// names are those that a document may use: what events set, what Segment's spec reserves,
// and what the version in force uses already.
func (k knownTraits) names(inForce *Compiled) compute.Names {
	if len(k) == 0 {
		return compute.Names{}
	}
	return compute.Names{
		SetTraits: func(of identity.Collection, name string) bool {
			names, told := k[of]
			return !told || slices.Contains(names, name) || slices.Contains(reservedTraits, name) ||
				inForce.Set != nil && inForce.Set.Asks(of, name)
		},
		Listed: func(of identity.Collection) []string { return slices.Concat(k[of], reservedTraits) },
	}
}

// reservedTraits are those to which Segment's spec gives a meaning, of users and groups.
var reservedTraits = []string{
	"address", "age", "avatar", "birthday", "company", "createdAt", "description", "email", "employees", "firstName", "gender", "id",
	"industry", "lastName", "name", "phone", "plan", "title", "username", "website",
}
