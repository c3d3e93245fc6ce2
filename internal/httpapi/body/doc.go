// Package body reads the bodies of requests into pooled memory, unpacked, and
// bounded three ways: in bytes for one request, in bytes for all requests
// together, and in how slowly bytes may come.
package body
