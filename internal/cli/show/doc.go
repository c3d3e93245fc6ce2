// Package show says what the management API answered, and what an import did, as text for
// people: on a screen, in their words. Programs get the JSON.
package show
