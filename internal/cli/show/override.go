package show

import (
	"strings"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/cli/terminal"
)

// Override says what an override decides.
func Override(d *api.Override) string {
	switch d.Kind {
	case "same":
		says := overrideSides(d) + " are one"
		if d.NotAtWork != "" {
			says += ", which does not hold: " + d.NotAtWork
		}
		return says
	case "cannot_link":
		return overrideSides(d) + " are kept apart"
	case "isolate":
		return overrideSides(d) + name(len(d.IDs)) + " nobody"
	case "drop":
		return overrideSides(d) + " is cut from strand " + d.Strand[:min(12, len(d.Strand))]
	}
	return d.Kind + " " + overrideSides(d)
}

// name is the verb of one ID or several.
func name(ids int) string {
	if ids == 1 {
		return " names"
	}
	return " name"
}

// OverrideUndone says what holds no more when an override is taken back.
func OverrideUndone(d *api.Override) string {
	switch d.Kind {
	case "same":
		return overrideSides(d) + " are one only as far as events say so"
	case "isolate":
		return overrideSides(d) + name(len(d.IDs)) + " somebody again"
	case "drop":
		return overrideSides(d) + " may come back to strand " + d.Strand[:min(12, len(d.Strand))]
	}
	return overrideSides(d) + " may come together again"
}

// overrideSides names the IDs, those of each part together.
func overrideSides(d *api.Override) string {
	var sides []string
	ids := make([]string, len(d.IDs))
	for i, id := range d.IDs {
		ids[i] = terminal.Clean(id)
	}
	for _, n := range d.Parts {
		n = min(n, len(ids))
		sides = append(sides, strings.Join(ids[:n], ", "))
		ids = ids[n:]
	}
	return strings.Join(append(sides, ids...), " and ")
}
