// Package client speaks the management API for commands: over the network, or with a
// handler inside this process.
package client
