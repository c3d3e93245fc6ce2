// Package watch warns of what people should look at in a space: values that tie many
// people together or look like placeholders, ID types that the rules do not list,
// hours with far more merges than usual, timestamps that cannot be read.
//
// It follows the feed behind ingestion, and takes no part in a commit.
package watch
