package show

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/cli/terminal"
)

// Found shows the profiles that a search found, of which last is the last page.
func Found(s *terminal.Screen, all []api.Found, last *api.FoundPage) {
	if len(all) == 0 {
		fmt.Fprintln(s, "Nobody fits.")
	}
	t := terminal.Table{Styles: []terminal.Style{terminal.Bold, terminal.Dim, terminal.Cyan, terminal.Dim}}
	for i := range all {
		f := &all[i]
		var matches, ids []string
		for k := range f.Matches {
			matches = append(matches, matched(f, &f.Matches[k]))
		}
		for _, id := range f.Identifiers {
			if id.Type == "user_id" || id.Type == "email" || id.Type == "group_id" {
				ids = append(ids, id.Type+":"+id.Value)
			}
		}
		t.Add(foundTitle(f), f.ID, strings.Join(matches, " "), strings.Join(ids, " "))
	}
	t.Write(s)
	if last.Cursor.HasMore {
		fmt.Fprintln(s, s.Paint(terminal.Dim, "There are more; see --limit."))
	}
	switch x := last.Index; {
	case x.AsOf == nil:
		fmt.Fprintln(s, s.Paint(terminal.Yellow, "The search index is being begun; ask again in a moment."))
	case !x.Complete:
		fmt.Fprintln(s, s.Paint(terminal.Yellow, fmt.Sprintf("The search index is being built (%.0f %%); there may be more.", 100*x.Progress)))
	}
}

// foundTitle is what people would call who was found.
func foundTitle(f *api.Found) string {
	var traits []api.Trait
	for name, value := range f.Traits {
		traits = append(traits, api.Trait{Name: name, Value: value})
	}
	ids := make([]api.Identifier, len(f.Identifiers))
	for i, id := range f.Identifiers {
		ids[i] = api.Identifier{Type: id.Type, Value: id.Value}
	}
	return Title(traits, ids, f.Collection)
}

// matched shows what fits as it was sent, where that can be told.
func matched(f *api.Found, m *api.FoundMatch) string {
	switch {
	case m.Identifier != "":
		for _, id := range f.Identifiers {
			if id.Type == m.Identifier && strings.EqualFold(id.Value, m.Value) {
				return m.Identifier + ":" + id.Value
			}
		}
		return m.Identifier + ":" + m.Value
	case m.Trait != "":
		var text string
		if json.Unmarshal(f.Traits[m.Trait], &text) == nil && text != "" {
			return m.Trait + ":" + text
		}
		return m.Trait + ":" + m.Value
	}
	return m.Value
}
