package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/show"

	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
)

func (sh *shell) profile() *cobra.Command {
	var account bool
	var events int
	var asOf string
	cmd := &cobra.Command{
		Use:   "profile TYPE:VALUE",
		Short: "Show one person: identifiers, traits, last events",
		Long: `Shows one profile, found by any of its identifiers or by its own ID, also one
that was merged away. Times are in UTC.

With --as-of it is shown as its events up to and including that time make it,
under the current rules: who this was before two people turned out to be one, and
what was known of them.`,
		Example: `  selfsame profile email:janedoe@example.com
  selfsame profile anonymous_id:anon_123 --events 50
  selfsame profile anonymous_id:anon_123 --as-of 2019-11-15T14:05:00Z
  selfsame profile use_2ZxJ5cSHkH2p8vTbGyWQ1mXkTnA --json
  selfsame profile group_id:acme --account`,
		Args: exactly("TYPE:VALUE"),
	}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	cmd.Flags().BoolVar(&account, "account", false, "look among accounts, not users")
	cmd.Flags().IntVar(&events, "events", 10, "how many of the last events to show, up to 200")
	cmd.Flags().StringVar(&asOf, "as-of", "", "as events up to this `TIME` make it: 2019-11-15T14:05:00Z, or a day for its beginning")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ref := args[0]
		if err := names(ref); err != nil {
			return err
		}
		then := url.Values{}
		if cmd.Flags().Changed("as-of") {
			if !isTime(asOf) {
				return usage("--as-of is %q; write a time like 2019-11-15T14:05:00Z, or a day for its beginning", asOf)
			}
			then.Set("as_of", asOf)
		}
		if events < 0 || events > 200 {
			return usage("--events is %d; choose 0 to 200", events)
		}
		collection := collectionOf(account, ref)
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			var p show.Person
			err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "profiles", collection, ref), then, nil, &p)
			if len(then) == 0 && client.HasStatus(err, http.StatusNotFound) && !strings.HasPrefix(err.Error(), "space ") {
				return fmt.Errorf("nobody in space %s is known as %s; identifiers are compared exactly, apart from the case of emails", terminal.Clean(space), terminal.Clean(ref))
			}
			if err != nil {
				return err
			}
			var computed api.ComputedValues
			if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "profiles", collection, ref, "computed"), then, nil, &computed); err != nil {
				return err
			}
			if computed.Revision > 0 {
				p.Computed = &computed
			}
			p.Timeline = []show.Event{}
			if events > 0 {
				page := struct{ Data *[]show.Event }{&p.Timeline}
				// By what was asked for: a profile's own ID may have been another's then.
				path := "/v1/spaces/" + url.PathEscape(space) + "/collections/" + collection + "/profiles/" + url.PathEscape(ref) + "/events"
				then.Set("limit", strconv.Itoa(events))
				err := c.Call(cmd.Context(), http.MethodGet, path, then, nil, &page)
				if err != nil {
					return err
				}
			}
			if *asJSON {
				return sh.json(p)
			}
			show.Profile(sh.out, &p)
			return nil
		})
	}
	return cmd
}

// names checks that an argument names a profile.
func names(ref string) error {
	if !strings.Contains(ref, ":") && !strings.HasPrefix(ref, "use_") && !strings.HasPrefix(ref, "acc_") {
		return usage("%q is not an identifier: write TYPE:VALUE, such as email:janedoe@example.com, or a profile's own ID (use_…)", ref)
	}
	return nil
}

// collectionOf is where a profile is looked for.
func collectionOf(account bool, ref string) string {
	if account || strings.HasPrefix(ref, "acc_") || strings.HasPrefix(ref, "group_id:") {
		return "accounts"
	}
	return "users"
}
