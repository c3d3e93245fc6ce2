// Package session signs browsers in: whoever knows the admin token gets a cookie
// that stands for it until it has been idle for long, or has grown old. The cookie
// is 256 random bits; the server keeps its hash only. Sessions live in the process:
// after a restart people sign in again.
package session
