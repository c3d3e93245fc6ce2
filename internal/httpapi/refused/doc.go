// Package refused makes the records of messages that were not accepted, which
// a space keeps so that people see them and can send them again.
package refused
