package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/show"

	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/event"
)

func (sh *shell) insights() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "insights",
		Short: "Show what happened to identities, and why",
		Long: `Lists what happened to identities, the newest first: profiles created, merged and
unmerged, identifiers that they got or lost, identifiers that a rule left out
(demoted), and events that belong to nobody (unresolved), each with its reason and
the event that did it. The whole history counts; times are in UTC.

--since and --until are about when Selfsame found it, not about when the event
was: with an import that is when it ran. They take a time (2026-03-01T08:00:00Z,
2026-03-01) or how long ago (90m, 24h, 7d).`,
		Example: `  selfsame insights --kind unresolved --since 24h
  selfsame insights --kind demoted --id anonymous_id
  selfsame insights --profile email:janedoe@example.com
  selfsame insights --id email:info@example.com --json
  selfsame insights counts --since 7d --every day`,
		Args: cobra.NoArgs,
	}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	f := cmd.Flags()
	kinds := f.StringSlice("kind", nil, "only these `KINDS`: created, merged, unmerged, id_added, id_removed, demoted, unresolved")
	texts := map[string]*string{
		"id":      f.String("id", "", "only changes that name this identifier, `TYPE:VALUE`, or an identifier of this TYPE"),
		"reason":  f.String("reason", "", "only with this `REASON`, such as \"ID value blocked\""),
		"source":  f.String("source", "", "only what events of this `SOURCE` did"),
		"profile": f.String("profile", "", "only this profile and what was merged into it: `TYPE:VALUE` or its own ID"),
	}
	account := f.Bool("account", false, "the profile is an account, not a user")
	times := timeFlags(cmd)
	limit := f.Int("limit", 50, "how many to show")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *limit < 1 {
			return usage("--limit is %d; choose 1 or more", *limit)
		}
		query := url.Values{}
		if len(*kinds) > 0 {
			query.Set("kind", strings.Join(*kinds, ","))
		}
		for name, text := range texts {
			if *text != "" {
				query.Set(name, *text)
			}
		}
		if *account {
			query.Set("collection", "accounts")
		}
		if err := times.set(query); err != nil {
			return err
		}
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			all := []api.Insight{}
			more := true
			b := terminal.NewBar(sh.err)
			defer b.Done()
			for more && len(all) < *limit {
				query.Set("limit", strconv.Itoa(min(*limit-len(all), 1000)))
				var page api.Page[api.Insight]
				if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "insights"), query, nil, &page); err != nil {
					return err
				}
				all = append(all, page.Data...)
				more = page.Cursor.HasMore
				query.Set("next", page.Cursor.Next)
				if more && len(all) < *limit {
					b.Show(int64(len(all)), int64(*limit), "looking back: "+terminal.Many(int64(len(all)), "insight"))
				}
			}
			b.Done()
			if *asJSON {
				return sh.json(all)
			}
			if len(all) == 0 {
				fmt.Fprintln(sh.out, "Nothing matches.")
				return nil
			}
			t := terminal.Table{Header: []string{"WHEN", "KIND", "PROFILE", "WHAT", "WHY", "EVENT", "SOURCE"}, Styles: []terminal.Style{terminal.Dim, terminal.Bold}}
			for i := range all {
				one := &all[i]
				t.Add(terminal.Moment(one.At), one.Kind, one.Profile, terminal.Shorten(show.Insight(one), 70), terminal.Shorten(terminal.Clean(one.Reason), 50), terminal.Shorten(terminal.Clean(one.MessageID), 40), terminal.Clean(one.Source))
			}
			t.Write(sh.out)
			if more {
				fmt.Fprintln(sh.out, sh.out.Paint(terminal.Dim, "There are older ones; see --limit."))
			}
			return nil
		})
	}
	cmd.AddCommand(sh.insightCounts())
	return cmd
}

// timeRange is a time from and to.
type timeRange struct{ since, until *string }

func timeFlags(cmd *cobra.Command) timeRange {
	return timeRange{
		cmd.Flags().String("since", "", "from this `TIME` on, or as long ago as 90m, 24h, 7d"),
		cmd.Flags().String("until", "", "until this `TIME`, or as long ago"),
	}
}

func (p timeRange) set(query url.Values) error {
	for name, text := range map[string]string{"since": *p.since, "until": *p.until} {
		if text == "" {
			continue
		}
		if ago, ok := parseAgo(text); ok {
			text = time.Now().Add(-ago).UTC().Format(time.RFC3339Nano)
		} else if !isTime(text) {
			return usage("--%s is %q; write a time like 2026-03-01T08:00:00Z, or how long ago: 90m, 24h, 7d", name, text)
		}
		query.Set(name, text)
	}
	return nil
}

// isTime reports whether the API takes a text for a time.
func isTime(text string) bool {
	_, ok := event.ParseTime(strings.TrimSpace(text))
	return ok
}

// parseAgo reads a length of time; besides what Go knows, days.
func parseAgo(text string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err == nil
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d >= 0
}

func (sh *shell) insightCounts() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "counts",
		Short: "Count what happened, by hour or day",
		Long: `Counts events, unresolved events, profiles created, merged and unmerged,
identifiers that a rule left out, and refused messages: for each hour of the last
day, or each day of the last 30. Hours and days are UTC.`,
		Example: `  selfsame insights counts
  selfsame insights counts --every day --since 90d
  selfsame insights counts --since 2026-03-01 --until 2026-03-02 --json`,
		Args: cobra.NoArgs,
	}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	times := timeFlags(cmd)
	every := cmd.Flags().String("every", "hour", "`hour` or day")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if !slices.Contains([]string{"hour", "day"}, *every) {
			return usage("--every is %q; choose hour or day", *every)
		}
		query := url.Values{"every": {*every}}
		if err := times.set(query); err != nil {
			return err
		}
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			var page api.Page[api.InsightCounts]
			if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "insights", "counts"), query, nil, &page); err != nil {
				return err
			}
			if *asJSON {
				return sh.json(page.Data)
			}
			show.Chart(sh.out, page.Data, *every == "day")
			return nil
		})
	}
	return cmd
}
