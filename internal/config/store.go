package config

import (
	"errors"
	"strings"
)

// StoreURL names the database that keeps the data of several nodes. It may hold
// a password, so it is printed without one; string(u) is the whole of it.
type StoreURL string

// UnmarshalText reads a URL. The text is not repeated in the error.
func (u *StoreURL) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	if s == "" {
		*u = ""
		return nil
	}
	scheme, rest, ok := strings.Cut(s, "://")
	switch {
	case !ok || scheme != "postgres" && scheme != "postgresql":
		return errors.New("this is not the address of a database; write it like postgres://user:password@host:5432/database, or set data for a directory")
	case rest == "" || rest[0] == '/' || rest[0] == '?':
		return errors.New("the address names no host; write it like postgres://user:password@host:5432/database")
	}
	before, _, _ := strings.Cut(rest, "?")
	if strings.Count(before, "@") > 1 { // what comes after the first would be taken for the host, and shown
		return errors.New("the address has more than one @; write special characters of the password as in %40 for @")
	}
	*u = StoreURL(s)
	return nil
}

// HasPassword reports whether the URL carries a password, for a warning where
// others can read it.
func (u StoreURL) HasPassword() bool {
	_, rest, _ := strings.Cut(string(u), "://")
	rest, query, _ := strings.Cut(rest, "?")
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		if _, password, ok := strings.Cut(rest[:i], ":"); ok && password != "" {
			return true
		}
	}
	for setting := range strings.SplitSeq(query, "&") {
		if name, value, _ := strings.Cut(setting, "="); name == "password" && value != "" {
			return true
		}
	}
	return false
}

// String gives the URL without password and settings, for logs and messages.
func (u StoreURL) String() string {
	scheme, rest, ok := strings.Cut(string(u), "://")
	if !ok {
		return ""
	}
	// Everything up to the last @ may belong to the password, if somebody wrote
	// it without escapes; so nothing of it is shown.
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	rest, _, _ = strings.Cut(rest, "?")
	return scheme + "://" + rest
}

// GoString is String, so that %#v tells no password either.
func (u StoreURL) GoString() string { return u.String() }

// origin is how strongly a setting was made: by the file, the environment or a
// flag, in this order.
type origin int

const (
	unset origin = iota
	byFile
	byEnvironment
	byFlag
)

// home settles where the data lies. store and data exclude each other where
// they were set with equal strength; otherwise the stronger one is meant, so that
// a flag can lead past what a file says.
func (c *checker) home(cfg *Config, store, data origin) {
	if strings.Contains(cfg.Data, "://") { // not repeated: it may hold a password
		c.wrong("data", "is the address of a database; data names a directory, and store a database")
	}
	if cfg.Store == "" {
		return
	}
	switch {
	case store > data:
		cfg.Data = ""
	case store < data:
		cfg.Store = ""
	default:
		c.wrong("store", "and data are both set (data at %s); the data is in a database or in a directory: leave one of them out", c.place("data"))
	}
}
