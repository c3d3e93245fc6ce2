package identity

import (
	"errors"
	"fmt"
	"strings"
)

// Mistake is one thing that is wrong with rules.
type Mistake struct {
	// Where is the place in the rules, as in identifiers[2].window.
	Where string
	// What says what is wrong and what to write instead.
	What string
}

func (m *Mistake) Error() string { return m.Where + ": " + m.What }

// mistakes gathers what is wrong, in the order of the document.
type mistakes []error

func (l *mistakes) add(where, format string, args ...any) {
	*l = append(*l, &Mistake{where, fmt.Sprintf(format, args...)})
}

// or returns all mistakes as one error with a line each, or nil.
func (l mistakes) or() error { return errors.Join(l...) }

// oneOf complains about a word that is none of those known; "" is no word.
func (l *mistakes) oneOf(where, word string, known ...string) {
	if word == "" {
		return
	}
	for _, k := range known {
		if word == k {
			return
		}
	}
	l.add(where, "%q is not one of %s", word, strings.Join(known, ", "))
}
