// Package guard keeps the doors of the API: guesses of the admin token are
// slowed down by address and logged, browsers are kept from acting for other
// sites, and names that a server on this machine does not have are not answered.
package guard
