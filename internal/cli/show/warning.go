package show

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/cli/terminal"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// Warning shows a warning, its facts, and what may help.
func Warning(s *terminal.Screen, w *api.Warning) {
	fmt.Fprintf(s, "%s  %s  %s\n", s.Paint(terminal.Yellow, w.Kind), s.Paint(terminal.Bold, w.ID), s.Paint(terminal.Dim, w.State))
	fmt.Fprintf(s, "  %s\n", terminal.Clean(w.Says))
	seen := fmt.Sprintf("%s, %s to %s", terminal.Many(w.Count, "time"), terminal.Moment(w.First), terminal.Moment(w.Last))
	if w.Kind == "merge_rate" {
		seen = terminal.Many(w.Count, "merge")
	}
	if w.Profile != "" {
		seen += ", into " + w.Profile
	}
	fmt.Fprintf(s, "  %s\n", s.Paint(terminal.Dim, seen))
	if d := w.Dismissed; d != nil {
		text := "Dismissed " + terminal.Moment(d.At) + " by " + terminal.Clean(OrElse(d.For, d.By))
		if d.Why != "" {
			text += ": " + terminal.Clean(d.Why)
		}
		fmt.Fprintf(s, "  %s\n\n", text)
		return
	}
	fmt.Fprintf(s, "  %s\n", terminal.Clean(w.Do))
	if w.Rules != "" {
		fmt.Fprintln(s)
		for line := range strings.SplitSeq(strings.TrimSpace(suggested(w.Rules)), "\n") {
			fmt.Fprintf(s, "    %s\n", s.Paint(terminal.Cyan, terminal.Clean(line)))
		}
	}
	fmt.Fprintln(s)
}

// suggested is what a warning suggests in the form in which people write rules.
func suggested(rules string) string {
	var r identity.Rules
	if json.Unmarshal([]byte(rules), &r) != nil {
		return rules // another version of the server
	}
	var b strings.Builder
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if e.Encode(r) != nil {
		return rules
	}
	return b.String()
}
