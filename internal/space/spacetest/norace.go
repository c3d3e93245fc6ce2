//go:build !race

package spacetest

// Raced says that the race detector is on.
const Raced = false
