package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
)

// indexWait is how long find waits for an index that is not complete.
const indexWait = 5 * time.Second

func (sh *shell) find() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "find WORD...",
		Short: "Find people by their traits and identifiers",
		Long: `Finds the profiles that every WORD fits:

  firstName:Jane   a trait or a type of identifiers has this value
  email:jane*      its value begins so
  plan:*           it has a value
  jane             an identifier, or the name of a person, begins so

Entries of objects are named with their path, address.city. Neither upper and lower
case nor accents count. What was committed a moment ago is found a moment later; the
answer says so where the index is further behind.`,
		Example: `  selfsame find firstName:Jane
  selfsame find jane
  selfsame find 'email:jane*' plan:premium
  selfsame find address.city:"New York" --json
  selfsame find name:Acme --account`,
		Args: cobra.MinimumNArgs(1),
	}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	account := cmd.Flags().Bool("account", false, "look among accounts, not users")
	limit := cmd.Flags().Int("limit", 20, "how many to show, up to 1000")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *limit < 1 || *limit > 1000 {
			return usage("--limit is %d; choose 1 to 1000", *limit)
		}
		words := make([]string, len(args))
		for i, arg := range args {
			words[i] = quoteWord(arg)
		}
		query := url.Values{"q": {strings.Join(words, " ")}}
		if *account {
			query.Set("collection", "accounts")
		}
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			all := []api.Found{}
			var page api.FoundPage
			// An index that is only begun is there in a moment.
			until := time.Now().Add(indexWait)
			for len(all) < *limit {
				query.Set("limit", strconv.Itoa(min(*limit-len(all), 200)))
				page = api.FoundPage{}
				if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "find"), query, nil, &page); err != nil {
					return err
				}
				if len(all) == 0 && !page.Index.Complete && time.Now().Before(until) {
					select {
					case <-cmd.Context().Done():
						return cmd.Context().Err()
					case <-time.After(indexWait / 50):
						continue
					}
				}
				all = append(all, page.Data...)
				if !page.Cursor.HasMore {
					break
				}
				query.Set("next", page.Cursor.Next)
			}
			if *asJSON {
				return sh.json(all)
			}
			sh.printFound(all, &page)
			return nil
		})
	}
	return cmd
}

// quoteWord keeps the white space of an argument together, unless it has quotes of its
// own.
func quoteWord(arg string) string {
	if !strings.ContainsFunc(arg, unicode.IsSpace) || strings.Contains(arg, `"`) {
		return arg
	}
	field, value, named := strings.Cut(arg, ":")
	if !named || strings.ContainsFunc(field, unicode.IsSpace) {
		return arg // several words of plain text
	}
	star := ""
	if text, is := strings.CutSuffix(value, "*"); is {
		value, star = text, "*"
	}
	return field + `:"` + value + `"` + star
}

func (sh *shell) printFound(all []api.Found, last *api.FoundPage) {
	s := sh.out
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
	return profileTitle(traits, ids, f.Collection)
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
