// Package config is the one configuration of Selfsame: a struct with defaults,
// read from a YAML file, the environment (SELFSAME_…) and flags, each of which
// goes before the one named earlier.
//
// Reading is strict. A key nobody knows, a value of the wrong kind and two
// declarations that contradict each other are mistakes, and all of them are
// reported at once with the line they stand on, so that a file is put right in
// one go. What each key means for the person who writes the file is said in
// docs/configuration.md.
package config
