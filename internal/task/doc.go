// Package task runs the background work of a process: very many tasks of which few
// are due at any time. A Scheduler has one timer and a bounded number of runs at
// once. A task that is not due costs a place in a queue, and no goroutine and no
// timer of its own.
package task
