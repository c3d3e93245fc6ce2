// Package feed is the change feed: one record for each commit of a space, and
// readers that resume where they stopped. Everything that happens after a
// commit (destinations, warehouse sync, live views) starts from here.
package feed
