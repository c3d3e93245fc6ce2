package api

import "time"

// Loss is what a start of the server found missing of what was answered before,
// in all spaces together.
type Loss struct {
	Commits uint64     `json:"commits"` // at least
	Events  uint64     `json:"events"`  // at least
	After   *time.Time `json:"after"`   // the last commit before the gap; nil if it is not known
	Until   time.Time  `json:"until"`   // what is missing was taken until then
	Found   time.Time  `json:"found"`   // when the server was started
	Where   string     `json:"where"`   // the file that is missing, cut or damaged
}
