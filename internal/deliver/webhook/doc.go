// Package webhook is the kind of destinations that are told over HTTP: as Standard
// Webhooks 1.0 says (https://www.standardwebhooks.com), in Segment's form with its
// X-Signature, or with a body of one's own.
package webhook
