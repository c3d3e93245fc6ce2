package search

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/selfsame-id/selfsame/internal/space"
)

// Condition is one thing that a profile must have. With a Field, a trait or a type of
// identifiers of that name has the value; without one, an identifier or a name of the
// person begins with it.
type Condition struct {
	Field  string
	Text   string // as it was given
	Prefix bool   // the value begins with Text
	folded string
}

const (
	mostQuery      = 2000 // bytes
	mostConditions = 8
)

// Parse reads what somebody looks for: words, each of which must fit.
//
//	firstName:Jane          the trait or identifier has this value
//	email:jane*             it begins with it
//	address.city:"New York" quotes keep white space together
//	jane                    an identifier, or the name of a person, begins with it
//
// Neither case nor accents count. Errors wrap space.ErrInvalid.
func Parse(query string) ([]Condition, error) {
	if len(query) > mostQuery {
		return nil, fmt.Errorf("%w: it is longer than %d bytes", space.ErrInvalid, mostQuery)
	}
	var list []Condition
	for rest := strings.TrimSpace(query); rest != ""; rest = strings.TrimLeftFunc(rest, unicode.IsSpace) {
		var c Condition
		var quoted bool
		var err error
		if c, quoted, rest, err = next(rest); err != nil {
			return nil, err
		}
		if text, star := strings.CutSuffix(c.Text, "*"); star && !quoted {
			c.Text, c.Prefix = text, true
		}
		c.Prefix = c.Prefix || c.Field == ""
		c.folded = Fold(c.Text)
		switch {
		case c.folded == "" && c.Field != "" && c.Prefix:
			// Whoever has the field at all.
		case c.folded == "" && c.Field != "":
			return nil, fmt.Errorf("%w: %s has no value; %s:* finds who has any", space.ErrInvalid, c.Field, c.Field)
		case c.folded == "":
			return nil, fmt.Errorf("%w: %q has no letter or digit", space.ErrInvalid, c.Text)
		}
		if len(c.Field) > mostName {
			return nil, fmt.Errorf("%w: the name before the colon is longer than %d bytes", space.ErrInvalid, mostName)
		}
		if list = append(list, c); len(list) > mostConditions {
			return nil, fmt.Errorf("%w: more than %d words", space.ErrInvalid, mostConditions)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: nothing was given; try firstName:Jane, email:jane* or a name", space.ErrInvalid)
	}
	return list, nil
}

// next reads the first word of a query that does not begin with white space.
func next(s string) (c Condition, quoted bool, rest string, err error) {
	if s[0] != '"' {
		i := strings.IndexFunc(s, func(r rune) bool { return r == ':' || unicode.IsSpace(r) })
		if i > 0 && s[i] == ':' {
			c.Field, s = s[:i], s[i+1:]
		}
	}
	if strings.HasPrefix(s, `"`) {
		end := strings.IndexByte(s[1:], '"')
		if end < 0 {
			return c, false, "", fmt.Errorf("%w: a quotation mark is not closed", space.ErrInvalid)
		}
		c.Text, rest = s[1:1+end], s[end+2:]
		if after, star := strings.CutPrefix(rest, "*"); star {
			c.Prefix, rest = true, after
		}
		return c, true, rest, nil
	}
	end := strings.IndexFunc(s, unicode.IsSpace)
	if end < 0 {
		end = len(s)
	}
	c.Text = s[:end]
	return c, false, s[end:], nil
}

// fits reports whether a value of a profile is what the condition asks for.
func (c *Condition) fits(v *Value) bool {
	switch {
	case c.Field == "" && (v.Field.Kind == Trait || v.Field.Kind == Computed):
		return false
	case c.Field != "" && (v.Field.Kind == Words || v.Field.Name != c.Field):
		return false
	case c.Prefix:
		return strings.HasPrefix(v.Text, c.folded)
	}
	return v.Text == c.folded
}
