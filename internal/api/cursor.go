package api

// Cursor says where a list goes on.
type Cursor struct {
	HasMore bool   `json:"has_more"`
	Next    string `json:"next"`
	Limit   int    `json:"limit"`
}

// Page is one page of a list.
type Page[T any] struct {
	Data   []T    `json:"data"`
	Cursor Cursor `json:"cursor"`
}
