// Package overrides is how people correct what is one person: it makes overrides,
// takes them back, and previews what either changes.
//
// A change is decided in a transaction of the space: the preview is one that is never
// committed. Strands change groups, groups get back the profile IDs that were founded
// in them, and traits are folded anew; no event is touched.
package overrides

import "github.com/selfsame-id/selfsame/internal/space"

// Editor changes the overrides of a space. Its methods may be called from many
// goroutines at once.
type Editor struct{ space *space.Space }

// New returns the editor of a space.
func New(s *space.Space) *Editor { return &Editor{s} }
