//go:build race

package e2e

// raced says that the tests run with the race detector; the servers whose
// consistency is tested under load are then built with it as well.
const raced = true
