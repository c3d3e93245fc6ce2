//go:build race

package e2e

import "testing"

// raced says that the tests run with the race detector; the servers whose
// consistency is tested under load are then built with it as well.
const raced = true

// The test of a population in any order with fewer people and a server that the
// race detector watches.
func TestPopulationUnderTheRaceDetector(t *testing.T) {
	populationInAnyOrder(t, watched(t), 400)
}
