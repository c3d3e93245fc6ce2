// Package cli is the command line of Selfsame.
//
// Commands that look at data speak the HTTP API, to a running server or, with
// --data or --store, to the same API over a stopped server's directory or a
// shared store in this process; so there is one way to read and one to change, whoever asks. Only import goes
// past it, straight into the space, for speed.
package cli
