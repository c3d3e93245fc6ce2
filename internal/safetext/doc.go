// Package safetext makes text that somebody sent safe to show: characters that
// move the cursor of a terminal, change its colours, turn the direction of what
// follows or cannot be seen are written as escapes such as \u202e. What can be
// seen stays as it is. The package is pure.
package safetext
