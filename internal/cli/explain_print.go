package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/api"
)

// printExplanation prints a chain of evidence so that one can follow it with a
// finger.
func (sh *shell) printExplanation(e *api.Explanation) {
	s := sh.out
	colour := style(bold)
	fmt.Fprintln(s, s.paint(colour, fold(capital(clean(e.Says)), s.width(), "")))
	switch {
	case e.Together && e.A.Profile != "":
		fmt.Fprintf(s, "%s\n", s.paint(dim, e.A.Profile))
	case e.A.Profile != "" || e.B.Profile != "":
		fmt.Fprintf(s, "%s\n%s\n", s.paint(dim, ownerLine(e.A)), s.paint(dim, ownerLine(e.B)))
	}
	if e.Provisional {
		fmt.Fprintln(s, s.paint(yellow, "Provisional: a job is still working out who these are; ask again in a moment."))
	}
	if len(e.Steps) == 0 {
		return
	}
	fmt.Fprintf(s, "\n  %s\n", s.paint(cyan, clean(e.Steps[0].From)))
	for i := range e.Steps {
		st := &e.Steps[i]
		switch {
		case st.Decided != nil:
			fmt.Fprintf(s, "   ║  %s\n", decidedSays(st.Decided))
			if st.Events > 0 {
				fmt.Fprintf(s, "   │  %s\n", stepSays(st))
			}
		case len(st.KeptOut) == 0:
			fmt.Fprintf(s, "   │  %s\n", stepSays(st))
		default:
			fmt.Fprintf(s, "   %s  %s\n", s.paint(red, "╳"), stepSays(st))
			for _, out := range st.KeptOut {
				text := fold(clean(out.Says), s.width(), "      ")
				for k, line := range strings.Split(text, "\n") {
					if k == 0 {
						line = "      " + line
					}
					fmt.Fprintln(s, s.paint(yellow, line))
				}
			}
		}
		fmt.Fprintf(s, "  %s\n", s.paint(cyan, clean(st.To)))
	}
}

// decidedSays says who decided that two identifiers are one, and when.
func decidedSays(o *api.Override) string {
	text := "decided by " + clean(orElse(o.For, o.By)) + ", " + moment(o.At) + ", " + o.ID
	if o.Why != "" {
		text += ": " + clean(o.Why)
	}
	return text
}

func ownerLine(a api.Asked) string {
	switch {
	case a.Blocked:
		return clean(a.ID) + " names nobody"
	case a.Profile == "":
		return clean(a.ID) + " belongs to nobody"
	}
	return clean(a.ID) + " belongs to " + a.Profile
}

// stepSays says what was seen of a pair: how often, where, from when to when.
func stepSays(st *api.Step) string {
	n := many(st.Events, "event")
	if st.AtLeast {
		n = "at least " + n
	}
	parts := []string{n}
	apps := st.First.App
	if st.Last.App != "" && st.Last.App != apps {
		if apps != "" {
			apps += " and "
		}
		apps += st.Last.App
	}
	if apps != "" {
		parts = append(parts, clean(apps))
	}
	if len(st.Sources) > 0 {
		sources := clean(strings.Join(st.Sources, ", "))
		if st.MoreSources {
			sources += ", …"
		}
		parts = append(parts, "from "+sources)
	}
	return strings.Join(append(parts, period(st.First.Time, st.Last.Time)), ", ")
}

// period writes from when to when, the second only as far as it differs.
func period(from, to *time.Time) string {
	if from == nil || to == nil || from.Equal(*to) {
		return moment(from)
	}
	if a, b := from.UTC(), to.UTC(); a.Format(time.DateOnly) == b.Format(time.DateOnly) {
		return a.Format(time.DateTime) + " – " + b.Format(time.TimeOnly) + " UTC"
	}
	return from.UTC().Format(time.DateTime) + " – " + moment(to)
}

// printTale prints the story of a profile.
func (sh *shell) printTale(t *api.Story) {
	s := sh.out
	fmt.Fprintf(s, "%s  %s\n", s.paint(bold, "How this profile came to be"), s.paint(dim, t.ID))
	fmt.Fprintf(s, "%s, from %s seen together\n", many(t.Total, "step"), many(t.Strands, "set")+" of identifiers")
	if t.Provisional {
		fmt.Fprintln(s, s.paint(yellow, "Provisional: a job is still working out who this is; ask again in a moment."))
	}
	fmt.Fprintln(s)
	for i := range t.Data {
		c := &t.Data[i]
		st := style(green)
		switch c.Kind {
		case "kept_out":
			st = yellow
		case "merged":
			st = cyan
		}
		word := map[string]string{"created": "created", "identifier_added": "added", "merged": "merged", "kept_out": "left out"}[c.Kind]
		pad := strings.Repeat(" ", max(9-columns(word), 1))
		fmt.Fprintf(s, "  %s  %s%s%s\n", s.paint(dim, moment(c.Event.Time)), s.paint(st, word), pad, fold(chapterSays(c), s.width(), strings.Repeat(" ", 36)))
		says := eventSays(&c.Event)
		if c.Decided != nil {
			says = decidedSays(c.Decided)
		}
		fmt.Fprintf(s, "%s%s\n", strings.Repeat(" ", 36), s.paint(dim, says))
	}
	if rest := t.Total - len(t.Data); rest > 0 {
		fmt.Fprintf(s, "\n%s more; choose how many to show with --steps\n", many(rest, "step"))
	}
}

// chapterSays says what happened in one step.
func chapterSays(c *api.Chapter) string {
	ids, through := clean(strings.Join(c.IDs, ", ")), clean(strings.Join(c.Through, ", "))
	switch c.Kind {
	case "created":
		if len(c.Parts) > 0 && c.Parts[0].Profile != "" {
			return ids + " as " + c.Parts[0].Profile
		}
		return ids
	case "merged":
		var parts []string
		for _, p := range c.Parts {
			name := p.Profile
			if name == "" {
				name = clean(strings.Join(p.IDs, ", "))
			}
			parts = append(parts, fmt.Sprintf("%s (%s)", name, many(p.Count, "identifier")))
		}
		text := strings.Join(parts, " with ") + " through " + through
		if ids != "" {
			text += ", and " + ids + " added"
		}
		return text
	case "kept_out":
		text := ids + " beside " + through + ": " + c.Reason
		if c.Limit != nil {
			text += fmt.Sprintf(" (at most %d %s)", c.Limit.Values, strings.TrimSpace(c.Limit.Type+" "+c.Limit.Window))
		}
		if c.Strands > 1 {
			text += fmt.Sprintf(", in %s of identifiers", many(c.Strands, "set"))
		}
		return text
	}
	return ids + " through " + through
}

// eventSays describes an event.
func eventSays(e *api.SeenEvent) string {
	name := e.Name
	if name == "" {
		name = e.Type
	}
	var parts []string
	for _, p := range []string{name, e.App} {
		if p != "" {
			parts = append(parts, clean(p))
		}
	}
	if e.Source != "" {
		parts = append(parts, "from "+clean(e.Source))
	}
	return strings.Join(append(parts, clean(e.MessageID)), ", ")
}

// fold breaks text into lines of a width at spaces. Every line but the first is
// indented; the first is taken to begin where the indent ends.
func fold(text string, width int, indent string) string {
	var b strings.Builder
	at := columns(indent)
	for i, word := range strings.Fields(text) {
		n := columns(word)
		switch {
		case i == 0:
		case at+1+n > width:
			b.WriteString("\n" + indent)
			at = columns(indent)
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String()
}
