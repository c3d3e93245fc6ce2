// Package file is the kind of destinations that are told in files: one message a line
// (NDJSON), in a directory of this machine or as objects of S3-compatible storage.
package file
