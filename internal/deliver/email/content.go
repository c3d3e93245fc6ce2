package email

import (
	"bytes"
	"errors"
	"fmt"
	html "html/template"
	"strings"
	text "text/template"
	"unicode"

	"github.com/selfsame-id/selfsame/internal/deliver/payload"
)

// content is what a mail says. The subject and the text are templates of text/template,
// HTML is one of html/template, which escapes by where a value stands.
type content struct {
	subject, text *text.Template
	html          *html.Template
}

// Letter is what templates speak about.
type Letter struct {
	To          string
	Mail        string // the name of the mail
	Audience    string
	Space       string
	Profile     payload.Person
	Unsubscribe string // the address of the page that unsubscribes
}

// written is a mail as it is sent.
type written struct{ subject, text, html string }

// templateError is a mistake in one part.
type templateError struct {
	part string
	err  error
}

func (e *templateError) Error() string { return e.part + ": " + e.err.Error() }

const (
	mostMail    = 512 << 10
	mostSubject = 200 // characters
)

// newContent reads templates, and tries them on an example.
func newContent(subject, plain, rich string) (c content, err error) {
	funcs := map[string]any{
		"default": func(otherwise, v any) any {
			if v == nil || v == "" {
				return otherwise
			}
			return v
		},
		"join": func(sep string, list []any) string {
			var out []string
			for _, e := range list {
				out = append(out, fmt.Sprint(e))
			}
			return strings.Join(out, sep)
		},
	}
	if c.subject, err = text.New("subject").Funcs(funcs).Parse(subject); err != nil {
		return c, &templateError{"subject", err}
	}
	if plain != "" {
		if c.text, err = text.New("text").Funcs(funcs).Parse(plain); err != nil {
			return c, &templateError{"text", err}
		}
	}
	if rich != "" {
		if c.html, err = html.New("html").Funcs(funcs).Parse(rich); err != nil {
			return c, &templateError{"html", err}
		}
	}
	for _, example := range []*Letter{
		{To: "jane@example.com", Profile: payload.Person{ID: "use_x", Traits: map[string]any{"firstName": "Jane", "email": "jane@example.com"}}},
		{To: "jane@example.com", Profile: payload.Person{ID: "use_x", Traits: map[string]any{}}},
	} {
		if _, err := c.write(example); err != nil {
			return c, err
		}
	}
	return c, nil
}

// write makes a mail.
func (c *content) write(l *Letter) (w written, err error) {
	part := func(name string, execute func(*limited) error) (string, error) {
		b := &limited{}
		if err := execute(b); err != nil {
			if errors.Is(err, errTooLong) {
				err = errTooLong
			}
			return "", &templateError{name, err}
		}
		// A trait that is missing reads as nothing.
		return strings.ReplaceAll(b.String(), "<no value>", ""), nil
	}
	if w.subject, err = part("subject", func(b *limited) error { return c.subject.Execute(b, l) }); err != nil {
		return w, err
	}
	if w.subject = oneLine(w.subject); w.subject == "" {
		return w, &templateError{"subject", errors.New("is empty")}
	}
	if c.text != nil {
		if w.text, err = part("text", func(b *limited) error { return c.text.Execute(b, l) }); err != nil {
			return w, err
		}
	}
	if c.html != nil {
		w.html, err = part("html", func(b *limited) error { return c.html.Execute(b, l) })
	}
	return w, err
}

// oneLine makes a text fit for a header: one line without anything that does not show,
// of bounded length.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > mostSubject {
		s = string(r[:mostSubject-1]) + "…"
	}
	return s
}

var errTooLong = fmt.Errorf("makes more than %d KiB", mostMail>>10)

type limited struct{ bytes.Buffer }

// Write implements io.Writer.
func (w *limited) Write(p []byte) (int, error) {
	if w.Len()+len(p) > mostMail {
		return 0, errTooLong
	}
	return w.Buffer.Write(p)
}
