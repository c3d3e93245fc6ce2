package show

import (
	"fmt"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/cli/terminal"
)

// Insight says the change in a few words.
func Insight(i *api.Insight) string {
	switch i.Kind {
	case "merged":
		return i.From + " into it"
	case "unmerged":
		return "off " + i.From
	}
	text := i.ID
	if len(i.IDs) > 1 {
		text = strings.Join(i.IDs, ", ")
	}
	if i.From != "" {
		text += " from " + i.From
	}
	return terminal.Clean(text)
}

// Chart draws counts as a table whose events have bars.
func Chart(s *terminal.Screen, list []api.InsightCounts, daily bool) {
	var most int64
	reasons := map[string]int64{}
	for i := range list {
		most = max(most, list[i].Events)
		for r, n := range list[i].DemotedByReason {
			reasons[r] += n
		}
	}
	format := "2006-01-02 15:04"
	if daily {
		format = "2006-01-02"
	}
	// On a narrow terminal the bars go first, then the year.
	bars := barColumns
	if s := s; s.Terminal {
		bars = min(max(s.Width()-chartColumns, 0), barColumns)
		if bars < 5 {
			bars = 0
		}
		if bars == 0 && !daily {
			format = "01-02 15:04"
		}
	}
	number := func(n int64) string {
		if n == 0 {
			return "·"
		}
		return terminal.Count(n)
	}
	t := terminal.Table{Header: []string{"FROM (UTC)", "EVENTS", "", "UNRESOLVED", "CREATED", "MERGED", "UNMERGED", "DEMOTED", "REFUSED"}, Styles: []terminal.Style{terminal.Dim, "", terminal.Cyan}}
	for i := range list {
		c := &list[i]
		t.Add(c.At.UTC().Format(format), number(c.Events), tinyBar(c.Events, most, bars), number(c.Unresolved), number(c.Created),
			number(c.Merged), number(c.Unmerged), number(c.Demoted), number(c.Rejected))
	}
	t.Write(s)
	if len(reasons) == 0 {
		return
	}
	fmt.Fprintln(s, "\nDemoted because:")
	names := make([]string, 0, len(reasons))
	for r := range reasons {
		names = append(names, r)
	}
	slices.SortFunc(names, func(a, b string) int { return int(min(max(reasons[b]-reasons[a], -1), 1)) })
	why := terminal.Table{Indent: "  "}
	for _, r := range names {
		why.Add(terminal.Count(reasons[r]), terminal.Clean(r))
	}
	why.Write(s)
}

// tinyBar draws n of most in a number of columns, to an eighth of a column.
func tinyBar(n, most int64, columns int) string {
	if most <= 0 || n <= 0 || columns <= 0 {
		return ""
	}
	eighths := max(int(float64(n)/float64(most)*float64(columns*8)+0.5), 1)
	text := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		text += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return text
}

// barColumns is how wide the bars of a chart are at most, chartColumns how wide
// the rest of it is.
const (
	barColumns   = 20
	chartColumns = 88
)
