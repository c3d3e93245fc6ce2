// Package search finds profiles by their traits and identifiers. Its index is kept
// behind ingestion by a task that follows the feed, so a commit costs nothing for it.
package search
