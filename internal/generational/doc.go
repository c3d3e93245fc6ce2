// Package generational has a bounded map that forgets what was not used for long.
package generational
