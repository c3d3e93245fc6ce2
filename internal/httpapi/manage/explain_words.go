package manage

import (
	"fmt"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// sentence says in words what an explanation comes to.
func sentence(why string, e *query.Explanation) string {
	a, b := e.A.ID.String(), e.B.ID.String()
	text := ""
	switch why {
	case whySame:
		text = fmt.Sprintf("%s is one and the same identifier", a)
		if e.A.Profile == "" {
			text += ", and belongs to nobody: it was left out wherever it was seen"
		}
	case whyEvidence:
		text = fmt.Sprintf("%s and %s are the same %s: %s", a, b, who(e.Collection), many(len(e.Steps), "step leads", "steps lead")+" from one to the other")
	case whyDecided:
		text = fmt.Sprintf("%s and %s are the same %s: %s", a, b, who(e.Collection), many(len(e.Steps), "step leads", "steps lead")+" from one to the other")
		for i := range e.Steps {
			if st := &e.Steps[i]; st.Strands == 0 && st.Decided != nil {
				text += fmt.Sprintf("; somebody decided that %s and %s are one %s", st.From, st.To, decidedBy(st.Decided))
			}
		}
	case whyKept:
		n := 0
		for i := range e.Steps {
			n += len(e.Steps[i].Demotions)
		}
		text = fmt.Sprintf("%s and %s were linked, but kept apart at %s", a, b, many(n, "place", "places"))
	case whyBlocked:
		text = nobody(&e.B)
		if e.A.Blocked {
			text = nobody(&e.A)
		}
	case whyCommon:
		text = fmt.Sprintf("%s and %s were both seen with %s, which names nobody; nothing else links them", a, b, strings.Join(idTexts(e.BlockedInCommon), " and "))
	default:
		text = fmt.Sprintf("nothing ever linked %s and %s: no chain of events leads from one to the other", a, b)
	}
	for i := range e.Unused {
		o := &e.Unused[i]
		text += fmt.Sprintf(". Somebody decided that %s and %s are one %s, which does not hold: %s", o.IDs[0], o.IDs[1], decidedBy(o), o.NotAtWork)
	}
	if e.Provisional {
		text += ". This is provisional: work on these profiles is pending"
	}
	return text + "."
}

func who(c identity.Collection) string {
	if c == identity.Accounts {
		return "account"
	}
	return "person"
}

// wordsOf says in words why an ID was left out.
func wordsOf(d *query.Demotion) string {
	id := d.ID.String()
	var b strings.Builder
	fmt.Fprintf(&b, "%s was left out", id)
	if d.Event.Time != 0 {
		fmt.Fprintf(&b, " at %s", clock(d.Event.Time))
	}
	switch {
	case d.Unclear:
		fmt.Fprintf(&b, ": %s", d.Reason)
		if d.Broke != "" {
			fmt.Fprintf(&b, " (at most %s)", allowed(d.Broke, d.Limit))
		}
		b.WriteString("; the values that filled it then can no longer be determined")
	case d.Reason == identity.ReasonLimit:
		fmt.Fprintf(&b, ": a profile may have %s. It had %s, and this would have added %s", allowed(d.Broke, d.Limit), some(d.Had), some(d.Brought))
	case d.Reason == identity.ReasonCap:
		fmt.Fprintf(&b, ": a profile may have %d identifiers. It had %d, and this would have added %d", d.Limit.Values, len(d.Had), len(d.Brought))
	case d.Reason == identity.ReasonMerges:
		fmt.Fprintf(&b, ": a profile may go through %d merges, and this would have been number %d", d.Limit.Values, d.Merges)
	case d.Reason == identity.ReasonDropped:
		fmt.Fprintf(&b, ": somebody decided that it does not belong there")
	case d.Reason == identity.ReasonCannotLink && len(d.Override) > 1:
		fmt.Fprintf(&b, ": somebody decided that %s and %s do not belong together", d.Override[0], d.Override[1])
	default:
		fmt.Fprintf(&b, ": %s", d.Reason)
	}
	if d.Decided != nil {
		b.WriteString(" " + decidedBy(d.Decided))
	}
	b.WriteString(".")
	if d.Now && !d.Unclear && len(d.Had) > 0 {
		b.WriteString(" These are the current values; with order: arrival the earlier ones are not known.")
	}
	if d.Recheck != 0 {
		fmt.Fprintf(&b, " From %s on it can be accepted when it is seen again.", clock(d.Recheck))
	}
	return b.String()
}

// nobody says why an ID names nobody.
func nobody(a *query.Asked) string {
	if a.Isolated == nil {
		return fmt.Sprintf("%s names nobody: the rules block this value", a.ID)
	}
	return fmt.Sprintf("%s names nobody: somebody isolated it %s", a.ID, decidedBy(a.Isolated))
}

// decidedBy names an override and who made it, in brackets.
func decidedBy(o *codec.Override) string {
	if o.Why == "" {
		return fmt.Sprintf("(override %s by %s)", o.ID, o.By)
	}
	return fmt.Sprintf("(override %s by %s: %s)", o.ID, o.By, o.Why)
}

// allowed says what a limit allows: "1 user_id ever", "5 anonymous_id weekly".
func allowed(idType string, l identity.Limit) string {
	return fmt.Sprintf("%d %s %s", l.Values, idType, l.WindowWord())
}

// some lists a few values and counts the rest.
func some(members []identity.Member) string {
	const few = 6
	var parts []string
	for _, m := range members[:min(len(members), few)] {
		parts = append(parts, m.ID.String())
	}
	if n := len(members) - few; n > 0 {
		parts = append(parts, fmt.Sprintf("%d more", n))
	}
	return strings.Join(parts, ", ")
}

func many(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, several)
}

func clock(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02 15:04:05 UTC") }
