// Package archtest holds the house to its plan: the arrows between packages
// run one way, the pure packages stay pure, one place names a concrete store,
// and files keep to their form. It has tests only; docs/architecture.md draws
// what they check.
package archtest
