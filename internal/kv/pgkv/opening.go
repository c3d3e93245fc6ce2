package pgkv

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Errors of Open that only whoever set up the database can mend.
var (
	ErrLogin      = errors.New("the database does not let this user in")
	ErrNoDatabase = errors.New("there is no such database")
	ErrNotAllowed = errors.New("the user may not do this in the database")
)

// opening adds to an error of Open what it means.
func opening(err error) error {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		var is error
		switch {
		case strings.HasPrefix(pe.Code, "28"):
			is = ErrLogin
		case pe.Code == "3D000":
			is = ErrNoDatabase
		case pe.Code == "42501":
			is = ErrNotAllowed
		}
		if is != nil {
			return fmt.Errorf("%w: %w", is, brief(err))
		}
	}
	return sentinel(err)
}

// briefly is an error with a shorter text.
type briefly struct {
	error
	text string
}

func (b briefly) Error() string { return b.text }
func (b briefly) Unwrap() error { return b.error }

// brief puts an error of the driver into one line. It tells of every attempt to
// connect: for each address first with TLS and then without, unless the URL says
// sslmode; what is said twice is said once, and that a server has no TLS is left
// out if there is something else to say.
func brief(err error) error {
	text := err.Error()
	if !strings.Contains(text, "\n") {
		return err
	}
	var said, noTLS []string
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case i == 0 && strings.HasSuffix(line, ":"), line == "", slices.Contains(said, line), slices.Contains(noTLS, line):
		case strings.Contains(line, "server refused TLS connection"):
			noTLS = append(noTLS, line)
		default:
			said = append(said, line)
		}
	}
	if len(said) == 0 {
		said = noTLS
	}
	return briefly{err, strings.Join(said, "; ")}
}
