package show

import (
	"fmt"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/cli/terminal"
)

// groupSays names the first IDs of a group.
func groupSays(g *api.ProfileGroup, most int) string {
	var ids []string
	for i, id := range g.IDs {
		if i == most {
			ids = append(ids, fmt.Sprintf("and %s more", terminal.Count(g.Count-most)))
			break
		}
		ids = append(ids, terminal.Clean(id))
	}
	return strings.Join(ids, ", ")
}

// Simulation shows what draft rules would make of the profiles.
func Simulation(s *terminal.Screen, job *api.Simulation) {
	r := job.Report
	fmt.Fprintf(s, "%s\n", s.Paint(terminal.Dim, fmt.Sprintf("%s simulated in %s; nothing was changed.", terminal.Many(r.Strands, "strand"), terminal.Span(time.Duration(r.Milliseconds)*time.Millisecond))))
	if r.Damaged > 0 {
		fmt.Fprintf(s, "%s %s left out, which cannot be read any more; selfsame verify says which.\n", s.Paint(terminal.Yellow, "note:"), terminal.Many(r.Damaged, "event"))
	}
	printCollection(s, "people", r.Users)
	if r.Accounts.Before.Profiles > 0 || r.Accounts.After.Profiles > 0 {
		printCollection(s, "accounts", r.Accounts)
	}
}

func printCollection(s *terminal.Screen, what string, f *api.SimulatedCollection) {
	changed := f.Before.Profiles - f.Same
	fmt.Fprintf(s, "\n%s\n", s.Paint(terminal.Bold, capital(what)))
	if changed == 0 && f.Before.Profiles == f.After.Profiles {
		if f.Before.Profiles == 1 {
			fmt.Fprintln(s, "  The one profile stays as it is.")
		} else {
			fmt.Fprintf(s, "  All %s stay as they are.\n", terminal.Many(f.Before.Profiles, "profile"))
		}
	} else {
		fmt.Fprintf(s, "  %s of %s would change; there would be %s.\n", terminal.Count(changed), terminal.Many(f.Before.Profiles, "profile"), terminal.Count(f.After.Profiles))
		t := terminal.Table{Indent: "    "}
		for _, row := range []struct {
			n    int
			text string
		}{
			{f.Split, "come apart"}, {f.Merged, "become part of a larger one"}, {f.Losing, "lose identifiers"},
			{f.Gaining, "gain identifiers that nobody owned"}, {f.Same, "stay as they are"},
		} {
			if row.n > 0 {
				t.Add(terminal.Count(row.n), row.text)
			}
		}
		t.Write(s)
	}
	printLargest(s, f)
	printViolations(s, f)
	if len(f.Suspects) > 0 {
		fmt.Fprintf(s, "\n  %s\n", s.Paint(terminal.Bold, "Values shared by unusually many"))
		t := terminal.Table{Indent: "    ", Header: []string{"VALUE", "STRANDS", "IF BLOCKED"}}
		for _, x := range f.Suspects {
			without := "nothing comes apart"
			if x.Pieces > 1 {
				without = "what hangs on it falls into " + terminal.Count(x.Pieces)
			}
			t.Add(terminal.Clean(x.ID), terminal.Count(x.Strands), without)
		}
		t.Write(s)
	}
	if len(f.Sample) > 0 {
		fmt.Fprintf(s, "\n  %s\n", s.Paint(terminal.Bold, "Some of those who would change"))
		for i := range f.Sample {
			if i == 5 {
				fmt.Fprintf(s, "    %s\n", s.Paint(terminal.Dim, fmt.Sprintf("and %d more with --json", len(f.Sample)-5)))
				break
			}
			x := &f.Sample[i]
			t := terminal.Table{Indent: "    ", Styles: []terminal.Style{terminal.Dim, terminal.Dim, ""}}
			for k := range x.Before {
				t.Add("before", x.Before[k].Profile, groupSays(&x.Before[k], 5))
			}
			for k := range x.After {
				t.Add("after", OrElse(x.After[k].Profile, "(new)"), groupSays(&x.After[k], 5))
			}
			if len(x.Unowned) > 0 {
				t.Add("nobody's", "", terminal.Clean(strings.Join(x.Unowned, ", ")))
			}
			t.Write(s)
			fmt.Fprintln(s)
		}
	}
}

func printLargest(s *terminal.Screen, f *api.SimulatedCollection) {
	if len(f.Before.Largest) == 0 && len(f.After.Largest) == 0 {
		return
	}
	fmt.Fprintf(s, "\n  %s\n", s.Paint(terminal.Bold, "Largest profiles"))
	t := terminal.Table{Indent: "    ", Header: []string{"", "STRANDS", "IDENTIFIERS", "WHO"}}
	for side, list := range [][]api.ProfileGroup{f.Before.Largest, f.After.Largest} {
		for i := range list {
			if i == 3 {
				break
			}
			t.Add([]string{"before", "after"}[side], terminal.Count(list[i].Strands), terminal.Count(int64(list[i].Count)), groupSays(&list[i], 2))
		}
	}
	t.Write(s)
}

func printViolations(s *terminal.Screen, f *api.SimulatedCollection) {
	if len(f.Before.Violations) == 0 && len(f.After.Violations) == 0 {
		return
	}
	type key struct{ typ, reason string }
	var order []key
	counts := map[key]*[2]int{}
	for side, p := range []*api.Population{&f.Before, &f.After} {
		for _, v := range p.Violations {
			k := key{v.Type, v.Reason}
			if v.Broke != "" {
				k.reason += " of " + v.Broke
			}
			if counts[k] == nil {
				counts[k] = &[2]int{}
				order = append(order, k)
			}
			counts[k][side] += v.Count
		}
	}
	fmt.Fprintf(s, "\n  %s\n", s.Paint(terminal.Bold, "Identifiers left out"))
	t := terminal.Table{Indent: "    ", Header: []string{"TYPE", "REASON", "BEFORE", "AFTER"}}
	for _, k := range order {
		t.Add(terminal.Clean(k.typ), terminal.Clean(k.reason), terminal.Count(counts[k][0]), terminal.Count(counts[k][1]))
	}
	t.Write(s)
}
