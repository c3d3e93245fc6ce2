// Package erasure erases the data of spaces that were deleted.
package erasure
