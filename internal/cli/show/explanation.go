package show

import (
	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"fmt"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/api"
)

// Explanation prints a chain of evidence so that one can follow it with a
// finger.
func Explanation(s *terminal.Screen, e *api.Explanation) {
	colour := terminal.Style(terminal.Bold)
	fmt.Fprintln(s, s.Paint(colour, terminal.Fold(capital(terminal.Clean(e.Says)), s.Width(), "")))
	switch {
	case e.Together && e.A.Profile != "":
		fmt.Fprintf(s, "%s\n", s.Paint(terminal.Dim, e.A.Profile))
	case e.A.Profile != "" || e.B.Profile != "":
		fmt.Fprintf(s, "%s\n%s\n", s.Paint(terminal.Dim, ownerLine(e.A)), s.Paint(terminal.Dim, ownerLine(e.B)))
	}
	if e.Provisional {
		fmt.Fprintln(s, s.Paint(terminal.Yellow, "Provisional: a job is still working out who these are; ask again in a moment."))
	}
	if len(e.Steps) == 0 {
		return
	}
	fmt.Fprintf(s, "\n  %s\n", s.Paint(terminal.Cyan, terminal.Clean(e.Steps[0].From)))
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
			fmt.Fprintf(s, "   %s  %s\n", s.Paint(terminal.Red, "╳"), stepSays(st))
			for _, out := range st.KeptOut {
				text := terminal.Fold(terminal.Clean(out.Says), s.Width(), "      ")
				for k, line := range strings.Split(text, "\n") {
					if k == 0 {
						line = "      " + line
					}
					fmt.Fprintln(s, s.Paint(terminal.Yellow, line))
				}
			}
		}
		fmt.Fprintf(s, "  %s\n", s.Paint(terminal.Cyan, terminal.Clean(st.To)))
	}
}

// decidedSays says who decided that two identifiers are one, and when.
func decidedSays(o *api.Override) string {
	text := "decided by " + terminal.Clean(OrElse(o.For, o.By)) + ", " + terminal.Moment(o.At) + ", " + o.ID
	if o.Why != "" {
		text += ": " + terminal.Clean(o.Why)
	}
	return text
}

func ownerLine(a api.Asked) string {
	switch {
	case a.Blocked:
		return terminal.Clean(a.ID) + " names nobody"
	case a.Profile == "":
		return terminal.Clean(a.ID) + " belongs to nobody"
	}
	return terminal.Clean(a.ID) + " belongs to " + a.Profile
}

// stepSays says what was seen of a pair: how often, where, from when to when.
func stepSays(st *api.Step) string {
	n := terminal.Many(st.Events, "event")
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
		parts = append(parts, terminal.Clean(apps))
	}
	if len(st.Sources) > 0 {
		sources := terminal.Clean(strings.Join(st.Sources, ", "))
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
		return terminal.Moment(from)
	}
	if a, b := from.UTC(), to.UTC(); a.Format(time.DateOnly) == b.Format(time.DateOnly) {
		return a.Format(time.DateTime) + " – " + b.Format(time.TimeOnly) + " UTC"
	}
	return from.UTC().Format(time.DateTime) + " – " + terminal.Moment(to)
}

// Story prints the story of a profile.
func Story(s *terminal.Screen, t *api.Story) {
	fmt.Fprintf(s, "%s  %s\n", s.Paint(terminal.Bold, "How this profile came to be"), s.Paint(terminal.Dim, t.ID))
	fmt.Fprintf(s, "%s, from %s seen together\n", terminal.Many(t.Total, "step"), terminal.Many(t.Strands, "set")+" of identifiers")
	if t.Provisional {
		fmt.Fprintln(s, s.Paint(terminal.Yellow, "Provisional: a job is still working out who this is; ask again in a moment."))
	}
	fmt.Fprintln(s)
	for i := range t.Data {
		c := &t.Data[i]
		st := terminal.Style(terminal.Green)
		switch c.Kind {
		case "kept_out":
			st = terminal.Yellow
		case "merged":
			st = terminal.Cyan
		}
		word := map[string]string{"created": "created", "identifier_added": "added", "merged": "merged", "kept_out": "left out"}[c.Kind]
		pad := strings.Repeat(" ", max(9-terminal.Columns(word), 1))
		fmt.Fprintf(s, "  %s  %s%s%s\n", s.Paint(terminal.Dim, terminal.Moment(c.Event.Time)), s.Paint(st, word), pad, terminal.Fold(chapterSays(c), s.Width(), strings.Repeat(" ", 36)))
		says := eventSays(&c.Event)
		if c.Decided != nil {
			says = decidedSays(c.Decided)
		}
		fmt.Fprintf(s, "%s%s\n", strings.Repeat(" ", 36), s.Paint(terminal.Dim, says))
	}
	if rest := t.Total - len(t.Data); rest > 0 {
		fmt.Fprintf(s, "\n%s more; choose how many to show with --steps\n", terminal.Many(rest, "step"))
	}
}

// chapterSays says what happened in one step.
func chapterSays(c *api.Chapter) string {
	ids, through := terminal.Clean(strings.Join(c.IDs, ", ")), terminal.Clean(strings.Join(c.Through, ", "))
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
				name = terminal.Clean(strings.Join(p.IDs, ", "))
			}
			parts = append(parts, fmt.Sprintf("%s (%s)", name, terminal.Many(p.Count, "identifier")))
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
			text += fmt.Sprintf(", in %s of identifiers", terminal.Many(c.Strands, "set"))
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
			parts = append(parts, terminal.Clean(p))
		}
	}
	if e.Source != "" {
		parts = append(parts, "from "+terminal.Clean(e.Source))
	}
	return strings.Join(append(parts, terminal.Clean(e.MessageID)), ", ")
}
