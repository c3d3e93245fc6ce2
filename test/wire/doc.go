// Package wire is an HTTP/1.1 client that costs next to nothing: requests are
// bytes made beforehand, one goroutine owns one kept-alive connection, and of an
// answer it reads what a load generator needs to know. A generator shares its
// cores with the server that it measures.
package wire
