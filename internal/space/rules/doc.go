// Package rules changes what is there by rules: it applies those that were set, pass
// after pass, and says what a draft would change. Both read a snapshot into models of
// package identity and look where they differ from what is stored. It also lists the
// versions of the rules.
//
// The heart owns the record of the rules and the commits that decide places again; see
// space.Applying.
package rules

import "github.com/selfsame-id/selfsame/internal/space"

// Resolver resolves a space by other rules than those at work, in memory, and knows the
// rules that were at work before. Its methods may be called from many goroutines at once.
type Resolver struct{ space *space.Space }

// New returns the resolver of a space.
func New(s *space.Space) *Resolver { return &Resolver{s} }
