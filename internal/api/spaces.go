package api

import "github.com/selfsame-id/selfsame/internal/catalog"

// Space is a space in the list. One that is being deleted is there for nobody
// any more; the list shows how far its erasure is.
type Space struct {
	catalog.Space
	Erased *int64 `json:"erased_rows,omitempty"`
}

// SpaceDeletion is what is lost with a space.
type SpaceDeletion struct {
	Space    string   `json:"space"`
	Profiles *int64   `json:"profiles"` // null if the space cannot be opened
	Events   *int64   `json:"events"`
	Deleted  []string `json:"deleted_sources"` // they feed only this space
	Kept     []string `json:"kept_sources"`    // they go on feeding others
	Tokens   int      `json:"tokens"`
	Preview  bool     `json:"preview"`
}
