// Package query is what people ask of a space: profiles with their events and links,
// why two IDs are one person or not, how a profile came to be, how it was as of a
// time, what changed, and whether what is stored is what the rules say.
//
// Each question is answered from one snapshot, by a View of the space. Nothing here
// changes anything.
package query

import "github.com/selfsame-id/selfsame/internal/space"

// Reader answers questions about a space. Its methods may be called from many
// goroutines at once. It keeps profiles that were read lately, so a space has one.
type Reader struct {
	space    *space.Space
	profiles profileCache
	names    nameCache
}

// New returns the reader of a space. It keeps no profiles before KeepProfiles.
func New(s *space.Space) *Reader { return &Reader{space: s} }

// KeepProfiles bounds the memory in bytes for profiles that were read lately. It may be
// called at any time.
func (r *Reader) KeepProfiles(bytes int64) {
	r.names.resize(bytes / 8)
	r.profiles.resize(bytes - bytes/8)
}
