// Package spacetest is for tests of a space and of what works on it: it opens spaces on
// stores in memory, delivers events, and makes worlds of people at random.
package spacetest
