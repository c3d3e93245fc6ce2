// Package event reads Segment-spec messages (identify, track, page, screen,
// group, alias): it parses a message once for identity, time and type, keeps
// the body exactly as it was sent, and says in the customer's words why a
// message is refused. It is pure: no I/O, no clock; the time of receipt comes
// in as a value.
package event
