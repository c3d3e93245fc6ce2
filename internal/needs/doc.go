// Package needs is for tests that need something of the machine: a database, a
// browser. Where it is missing a test does not pass without a word.
package needs
