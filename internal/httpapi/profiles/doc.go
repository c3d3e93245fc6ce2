// Package profiles serves the Profile API in Segment's shapes: one profile's
// traits, external IDs, events, metadata and links, found by any of its
// external IDs or by a profile ID, also one that was merged away.
package profiles
