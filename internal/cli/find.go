package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/show"

	"github.com/selfsame-id/selfsame/internal/cli/client"

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

  firstName:Jane   a trait, a computed one or a type of identifiers has this value
  email:jane*      its value begins so
  plan:*           it has a value
  jane             an identifier, or the name of a person, begins so

Entries of objects are named with their path, address.city. Neither upper and lower
case nor accents count. What was committed a moment ago is found a moment later; the
answer says so where the index is further behind.`,
		Example: `  selfsame find firstName:Jane
  selfsame find jane
  selfsame find 'email:jane*' plan:premium orders:2
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
			show.Found(sh.out, all, &page)
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
