// Package payload makes of messages what goes out: the payload of Standard Webhooks,
// the calls of Segment's Tracking API, and the bodies of templates.
package payload
