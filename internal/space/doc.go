// Package space is one space at work: a commit takes a batch of events through
// dedupe, resolve, apply and feed, and readers see profiles as the commits left
// them. How bytes lie in the store is declared in one file, keys.go.
package space
