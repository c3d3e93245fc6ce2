package show

import (
	"fmt"
	"strings"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/cli/terminal"
)

// Duplicate shows two profiles that may be one person, with what speaks for it.
func Duplicate(s *terminal.Screen, d *api.Duplicate) {
	fmt.Fprintf(s, "%s  %s  %s\n", s.Paint(terminal.Yellow, d.Kind), s.Paint(terminal.Bold, terminal.Clean(d.Value)), s.Paint(terminal.Dim, d.ID))
	for _, p := range d.Profiles {
		ids := make([]string, 0, shownIDs+1)
		var named []api.Identifier
		for _, id := range p.Identifiers[:min(len(p.Identifiers), shownIDs)] {
			ids = append(ids, terminal.Clean(id))
			kind, value, _ := strings.Cut(id, ":")
			named = append(named, api.Identifier{Type: kind, Value: value})
		}
		if n := p.IDs - len(ids); n > 0 {
			ids = append(ids, fmt.Sprintf("and %d more", n))
		}
		var traits []string
		for _, t := range p.Traits {
			traits = append(traits, terminal.Clean(t.Name)+"="+terminal.Shorten(plain(t.Value), 40))
		}
		fmt.Fprintf(s, "  %s  %s\n", terminal.Clean(Title(p.Traits, named, "")), s.Paint(terminal.Dim, p.ID))
		fmt.Fprintf(s, "    %s\n", s.Paint(terminal.Cyan, terminal.Fold(strings.Join(ids, "  "), s.Width(), "    ")))
		fmt.Fprintf(s, "    %s\n", terminal.Fold(strings.Join(traits, "  "), s.Width(), "    "))
	}
	if x := d.Dismissed; x != nil {
		text := "Dismissed " + terminal.Moment(x.At) + " by " + terminal.Clean(OrElse(x.For, x.By))
		if x.Why != "" {
			text += ": " + terminal.Clean(x.Why)
		}
		fmt.Fprintf(s, "  %s\n", text)
	}
	fmt.Fprintln(s)
}
