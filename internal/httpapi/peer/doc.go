// Package peer says who sent a request and under which address they reached the
// server, also through proxies, as far as these are trusted.
package peer
