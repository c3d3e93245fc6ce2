// Package session signs browsers in: whoever knows the admin token gets a cookie
// that stands for it until it has been idle for long, or has grown old. The cookie
// is 256 random bits; the server keeps its hash only, in the store, so that a session
// outlives a restart and holds at every node. A new admin token ends all sessions.
package session
