package api

// Cursor says where a list goes on.
type Cursor struct {
	HasMore bool   `json:"has_more"`
	Next    string `json:"next"`
	Limit   int    `json:"limit"`
}
