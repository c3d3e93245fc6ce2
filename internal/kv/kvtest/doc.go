// Package kvtest is the conformance suite of kv: every backend passes it, on
// the same terms. Its oracle is a naive model in memory, which is here for
// tests alone and is no backend.
//
// A backend's test gives a Backend and calls Run:
//
//	func TestConformance(t *testing.T) {
//		kvtest.Run(t, kvtest.Backend{Open: func(t testing.TB) kv.Store { ... }})
//	}
package kvtest
