package show

import (
	"fmt"
	"strings"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/cli/terminal"
)

// Regrouped shows profiles before and after.
func Regrouped(s *terminal.Screen, g *api.Regrouping, back bool) {
	words := Override(&g.Override)
	if back {
		words = OverrideUndone(&g.Override)
	}
	fmt.Fprintf(s, "%s\n", s.Paint(terminal.Bold, terminal.Fold(capital(words), s.Width(), "")))
	if g.Unforeseen {
		fmt.Fprintln(s, "Too much is connected here to be shown; it is resolved again in the background.")
		return
	}
	if len(g.Unseen) > 0 {
		fmt.Fprintf(s, "Not seen in any event yet: %s\n", terminal.Clean(strings.Join(g.Unseen, ", ")))
	}
	if len(g.Before) == 0 && len(g.After) == 0 {
		fmt.Fprintln(s, "No profile changes now; it applies to new events.")
		return
	}
	side := func(title string, list []api.ProfileSummary) {
		fmt.Fprintf(s, "\n%s\n", s.Paint(terminal.Bold, title))
		for i := range list {
			printBriefly(s, &list[i])
		}
	}
	now := "After"
	if !g.Applied {
		now = "Would become"
	}
	side("Before", g.Before)
	side(now, g.After)
	if len(g.Unowned) > 0 {
		fmt.Fprintf(s, "\nNo longer in any profile: %s\n", terminal.Clean(strings.Join(g.Unowned, ", ")))
	}
	if g.Unresolved > 0 {
		fmt.Fprintf(s, "\nUnresolved from now on, because they carry nothing else that names somebody: %s\n", terminal.Many(g.Unresolved, "event"))
	}
	if g.LeftOuts > 0 {
		sets := "one set"
		if g.LeftOuts > 1 {
			sets = terminal.Count(int64(g.LeftOuts)) + " sets"
		}
		why := g.LeftOut[0].Reason
		for _, l := range g.LeftOut {
			if l.Reason != why {
				why = ""
			}
		}
		fmt.Fprintf(s, "\nLeft out from now on, in %s of identifiers seen together:\n", sets)
		t := terminal.Table{Indent: "  ", Styles: []terminal.Style{terminal.Cyan, terminal.Dim, terminal.Dim}}
		for i, l := range g.LeftOut {
			if i == 10 {
				t.Add(fmt.Sprintf("and %d more", g.LeftOuts-10))
				break
			}
			set := "of " + terminal.Shorten(terminal.Clean(strings.Join(l.IDs, ", ")), max(s.Width()-32, 20))
			if why != "" {
				t.Add(terminal.Clean(l.ID), set)
			} else {
				t.Add(terminal.Clean(l.ID), set, l.Reason)
			}
		}
		t.Write(s)
	}
	if g.Provisional {
		fmt.Fprintln(s, s.Paint(terminal.Yellow, "Provisional: a job is still working out who these people are."))
	}
	fmt.Fprintln(s)
}

// capital begins a sentence, unless it begins with an identifier.
func capital(s string) string {
	if word, _, _ := strings.Cut(s, " "); strings.Contains(word, ":") || s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// OrElse is a text, or another one if it is empty.
func OrElse(text, other string) string {
	if text != "" {
		return text
	}
	return other
}

// printBriefly shows one profile in a few lines.
func printBriefly(s *terminal.Screen, b *api.ProfileSummary) {
	id := b.ID
	if id == "" {
		id = "a new profile"
	}
	fmt.Fprintf(s, "  %s  %s\n", terminal.Clean(Title(b.Traits, b.Identifiers, "")), s.Paint(terminal.Dim, fmt.Sprintf("%s, %s, %s", id, terminal.Many(b.Events, "event"), terminal.Many(int64(b.IDs), "identifier"))))
	list := func(st terminal.Style, items []string, most int, all int) {
		if len(items) == 0 {
			return
		}
		if len(items) > most {
			items = append(items[:most:most], fmt.Sprintf("and %s more", terminal.Count(int64(all-most))))
		}
		fmt.Fprintf(s, "    %s\n", s.Paint(st, terminal.Fold(strings.Join(items, "  "), s.Width(), "    ")))
	}
	var ids, traits []string
	for _, one := range b.Identifiers {
		ids = append(ids, terminal.Clean(one.Type+":"+one.Value))
	}
	for _, t := range b.Traits {
		traits = append(traits, terminal.Clean(t.Name)+"="+terminal.Shorten(plain(t.Value), 40))
	}
	list(terminal.Cyan, ids, shownIDs, b.IDs)
	list("", traits, shownTraits, len(traits))
}

// The bounds of what is shown of one profile.
const (
	shownIDs    = 12
	shownTraits = 12
)
