// Package tracking serves the Segment Tracking API: the calls, batches, the
// pixel, and what browsers and phones ask for before they send anything.
//
// The rule behind every answer: a client throws a message away for good when it
// hears 400, 401, 403 or 413, so a request that holds one good message never
// hears them, and what is refused is kept where people see it.
package tracking
