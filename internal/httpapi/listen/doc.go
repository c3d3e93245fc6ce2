// Package listen takes connections for the HTTP server, so that nobody keeps
// another out by holding connections or by being slow: at the limit those make
// room that have waited longest for a request, a few more are there for
// questions about health, and whoever reads nothing of an answer is cut off.
package listen
