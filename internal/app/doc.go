// Package app puts the rooms of the house together and brings them to life: it
// opens the store (it is the only place that names a concrete one: embedded, or in a database that several nodes share), the catalog
// and the spaces, serves HTTP, and ends it all in the right order.
package app
