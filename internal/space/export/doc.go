// Package export writes what a space holds to files: profiles, identifiers, members of
// audiences and events, as NDJSON, CSV or Parquet. An export is of one moment, takes
// bounded memory and is written as it is read.
//
// Profiles are read in pieces by several goroutines, which also make the text of their
// rows; one goroutine writes the pieces in their order. Few profiles are looked up, all
// of many are put together by reading whole tables (sweep.go). Profiles and identifiers come in the order of profile IDs,
// which is that of their creation, events in the order of their arrival.
package export
