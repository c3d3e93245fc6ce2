// Package e2e tests the real binary from outside: it is built once for each run,
// started on a directory and a free port of the loopback, and spoken to as its
// users do, over HTTP and by its commands. What a test leaves behind on a site
// is verified at its end (site.finish). sdk/ holds the scripts and the pinned
// packages with which Segment's own SDKs do the speaking.
package e2e
