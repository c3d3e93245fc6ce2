package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
)

func (sh *shell) rejects() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rejects",
		Short: "List refused messages, look at one, send them again",
		Long: `A message that is not a valid event is kept with the reason, so that a mistake in an
app loses nothing. This lists them, the newest first. They are kept for 30 days, at
most 100,000 and 256 MiB of each source. Identical ones that come within an hour are
one, with a count. An ID may be shortened as long as it is unambiguous.`,
		Example: `  selfsame rejects
  selfsame rejects counts
  selfsame rejects --code missing_id --source web
  selfsame rejects show 98d9c1f7a2
  selfsame rejects resend 98d9c1f7a2 --body mended.json
  selfsame rejects resend --all --code missing_id`,
		Args: cobra.NoArgs,
	}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	source := cmd.Flags().String("source", "", "only of this `SOURCE`")
	code := cmd.Flags().String("code", "", "only with this `CODE`")
	limit := cmd.Flags().Int("limit", 50, "how many to show, up to 1000")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *limit < 1 || *limit > 1000 {
			return usage("--limit is %d; choose 1 to 1000", *limit)
		}
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			var page api.Page[api.Reject]
			query := url.Values{"limit": {strconv.Itoa(*limit)}, "source": {*source}, "code": {*code}}
			if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "rejects"), query, nil, &page); err != nil {
				return err
			}
			if *asJSON {
				return sh.json(page.Data)
			}
			if len(page.Data) == 0 {
				fmt.Fprintln(sh.out, "No refused messages.")
				return nil
			}
			t := terminal.Table{Header: []string{"ID", "RECEIVED", "TIMES", "SOURCE", "CODE", "WHY"}, Styles: []terminal.Style{terminal.Bold, terminal.Dim}}
			for i := range page.Data {
				r := &page.Data[i]
				t.Add(r.ID, terminal.Moment(r.ReceivedAt), terminal.Count(r.Count), terminal.Clean(r.Source), terminal.Clean(r.Code), terminal.Shorten(terminal.Clean(r.Message), 90))
			}
			t.Write(sh.out)
			if page.Cursor.HasMore {
				fmt.Fprintln(sh.out, sh.out.Paint(terminal.Dim, "There are older ones; see --limit, and selfsame rejects counts."))
			}
			return nil
		})
	}
	cmd.AddCommand(sh.rejectCounts(), sh.rejectShow(), sh.rejectResend())
	return cmd
}

func (sh *shell) rejectCounts() *cobra.Command {
	cmd := &cobra.Command{Use: "counts", Short: "Count refused messages by source and code", Args: cobra.NoArgs}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			var page struct {
				Data []struct {
					Source   string `json:"source"`
					Code     string `json:"code"`
					Count    int64  `json:"count"`
					Messages int64  `json:"messages"`
				}
			}
			if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "rejects", "counts"), nil, nil, &page); err != nil {
				return err
			}
			if *asJSON {
				return sh.json(page.Data)
			}
			if len(page.Data) == 0 {
				fmt.Fprintln(sh.out, "No refused messages.")
				return nil
			}
			t := terminal.Table{Header: []string{"SOURCE", "CODE", "KEPT", "MESSAGES"}}
			for _, n := range page.Data {
				t.Add(terminal.Clean(n.Source), terminal.Clean(n.Code), terminal.Count(n.Count), terminal.Count(n.Messages))
			}
			t.Write(sh.out)
			return nil
		})
	}
	return cmd
}

func (sh *shell) rejectShow() *cobra.Command {
	cmd := &cobra.Command{Use: "show ID", Short: "Show a refused message with its body", Args: exactly("ID")}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			var r api.Reject
			if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "rejects", args[0]), nil, nil, &r); err != nil {
				return err
			}
			if *asJSON {
				return sh.json(r)
			}
			t := terminal.Table{Styles: []terminal.Style{terminal.Dim}}
			t.Add("id", r.ID)
			t.Add("received", terminal.Moment(r.ReceivedAt))
			t.Add("source", terminal.Clean(r.Source))
			t.Add("code", terminal.Clean(r.Code))
			t.Add("why", terminal.Clean(r.Message))
			if r.MessageID != "" {
				t.Add("messageId", terminal.Clean(r.MessageID))
			}
			if r.Endpoint != "" {
				t.Add("call", terminal.Clean(r.Endpoint))
			}
			t.Write(sh.out)
			if r.Binary != nil {
				fmt.Fprintf(sh.out, "\nThe body is not text: %s bytes; --json has it.\n", terminal.Count(int64(len(r.Binary))))
				return nil
			}
			fmt.Fprintln(sh.out)
			for line := range strings.SplitSeq(r.Body, "\n") {
				fmt.Fprintln(sh.out, terminal.Clean(line))
			}
			return nil
		})
	}
	return cmd
}

func (sh *shell) rejectResend() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "resend [ID]",
		Short: "Send refused messages again",
		Long: `Sends one refused message again, as it is or corrected, or all that match. What is
accepted now is an event with its own time, and leaves the list.`,
		Example: `  selfsame rejects resend 98d9c1f7a2
  selfsame rejects resend 98d9c1f7a2 --body mended.json     a file, or - for standard input
  selfsame rejects resend --all --source web --code missing_id`,
		Args: cobra.MaximumNArgs(1),
	}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	f := cmd.Flags()
	all := f.Bool("all", false, "all that match --source and --code")
	source := f.String("source", "", "with --all: only of this `SOURCE`")
	code := f.String("code", "", "with --all: only with this `CODE`")
	file := f.String("body", "", "send what this `FILE` has in the message's place")
	why := f.String("why", "", "the reason, for the audit trail")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case *all == (len(args) == 1):
			return usage("name one refused message, or --all")
		case *all && *file != "", !*all && (*source != "" || *code != ""):
			return usage("--body is for one message, --source and --code are for --all")
		}
		body, err := sh.mended(*file)
		if err != nil {
			return err
		}
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			query := url.Values{}
			path := client.InSpace(space, "rejects", "resend")
			if *all {
				query = url.Values{"source": {*source}, "code": {*code}}
			} else {
				path = client.InSpace(space, "rejects", args[0], "resend")
			}
			if *why != "" {
				query.Set("why", *why)
			}
			var done api.Resent
			if err := c.PostText(cmd.Context(), path, query, body, &done); err != nil {
				return err
			}
			if *asJSON {
				return sh.json(done)
			}
			fmt.Fprintf(sh.out, "%s accepted: %s stored, %s", terminal.Many(int64(done.Resolved), "message"), terminal.Many(int64(done.Stored), "event"), terminal.Many(int64(done.Repeats), "repeat"))
			if done.Refused > 0 {
				fmt.Fprintf(sh.out, "; %s", sh.out.Paint(terminal.Yellow, terminal.Count(int64(done.Refused))+" still refused"))
			}
			fmt.Fprintln(sh.out)
			t := terminal.Table{Indent: "  ", Styles: []terminal.Style{terminal.Dim}}
			for _, r := range done.Reasons {
				t.Add(r.ID, terminal.Clean(r.Code), terminal.Shorten(terminal.Clean(r.Message), 90))
			}
			t.Write(sh.out)
			return nil
		})
	}
	return cmd
}

// mended reads what takes the place of a message; "" without a file.
func (sh *shell) mended(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	in := sh.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	const most = 8 << 20
	text, err := io.ReadAll(io.LimitReader(in, most+1))
	switch {
	case err != nil:
		return "", err
	case len(text) > most:
		return "", fmt.Errorf("%s has more than 8 MiB, which is more than a request may have", file)
	case strings.TrimSpace(string(text)) == "":
		return "", fmt.Errorf("%s is empty", file)
	}
	return string(text), nil
}
