package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/safetext"
)

func (sh *shell) feed() *cobra.Command {
	var follow bool
	var cursor string
	var most int64
	cmd := &cobra.Command{
		Use:   "feed",
		Short: "Print what changed, one JSON line for each commit",
		Long: `Prints the change feed: profiles created, IDs added, merges, traits set, and so
on. With --follow it goes on as changes come, until Ctrl-C.

The cursor after what was printed goes to standard error at the end: give it to
--after to go on from there.`,
		Example: `  selfsame feed | jq '.changes[] | select(.kind == "merged")'
  selfsame feed --follow
  selfsame feed --after "$CURSOR" --limit 1000`,
		Args: cobra.NoArgs,
	}
	w := sh.where(cmd, true)
	f := cmd.Flags()
	f.BoolVarP(&follow, "follow", "f", false, "go on as changes come")
	f.StringVar(&cursor, "after", "", "begin after this `CURSOR`; else at the beginning")
	f.Int64Var(&most, "limit", 0, "stop after this many records; 0: at the end")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx := cmd.Context()
		if most < 0 {
			return usage("--limit is %d; choose 1 or more, or 0 for no limit", most)
		}
		read := false
		return w.inSpace(ctx, func(c *connection, space string) error {
			defer func() {
				if read && cursor != "" {
					_, _ = sh.err.Write([]byte(sh.err.Paint(terminal.Dim, "cursor: "+terminal.Clean(cursor)) + "\n"))
				}
			}()
			for n := int64(0); ; {
				size := int64(500)
				if most > 0 {
					size = min(size, most-n)
				}
				var page api.Page[json.RawMessage]
				query := url.Values{"limit": {strconv.FormatInt(size, 10)}, "cursor": {cursor}}
				if err := c.Call(ctx, http.MethodGet, client.InSpace(space, "feed"), query, nil, &page); err != nil {
					return err
				}
				for _, record := range page.Data {
					if _, err := sh.out.Write(append(safetext.JSON(record), '\n')); err != nil {
						return err
					}
				}
				cursor, read = page.Cursor.Next, true
				n += int64(len(page.Data))
				if most > 0 && n >= most {
					return nil
				}
				if page.Cursor.HasMore {
					continue
				}
				if !follow {
					return nil
				}
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(300 * time.Millisecond):
				}
			}
		})
	}
	return cmd
}
