// Package bulk reads many profiles of one snapshot together, all records of a kind in
// one round trip, for what goes over very many of them.
package bulk
