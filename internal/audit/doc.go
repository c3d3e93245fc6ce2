// Package audit says who changed what, when and why. It is pure: the entries are
// stored by those who change things, in the commit that changes them.
package audit
