// Package truth reads what destinations are told out of a space: its feed, its
// profiles with their computed values, and its events.
package truth
