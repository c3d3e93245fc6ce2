// Package importer reads events from files (NDJSON and CSV, plain, gzip or
// zstd, or standard input) and delivers them to a space, quickly, in order, and
// exactly once.
//
// A file is cut into blocks of whole lines. Workers parse blocks side by side;
// one deliverer hands them over in the order of the file, each together with a
// mark that says how far the file was read. Block and mark are committed
// together, so an import that is interrupted goes on, days later too, where the
// last commit left it. A file is known by its content and not by its name.
package importer
