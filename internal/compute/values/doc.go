// Package values has the values that definitions compute with: those of JSON as events have
// them, read no further than they are asked for, exact numbers, and their arithmetic in
// conditions.
package values
