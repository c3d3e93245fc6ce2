// Package api has the forms in which the management API takes and gives JSON: package
// manage answers with them, and commands read them.
package api
