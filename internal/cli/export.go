package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/segmentio/ksuid"
	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/space/export"
)

func (sh *shell) export() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write profiles, members of audiences, events, identifiers or definitions to a file",
		Long: `Writes what a space holds as of one moment, while events go on coming in.

Profiles and members can be narrowed by an audience and by an expression in CEL, as
in the definition of an audience; events by an expression over the event, as in the
where of a computed trait. Events as NDJSON are what was sent: selfsame import of
them makes the same again.`,
		Example: `  selfsame export profiles > profiles.ndjson
  selfsame export profiles -o people.csv --columns email,firstName,plan
  selfsame export members --audience needs_new_shoes -o members.parquet
  selfsame export events --where 'event == "Order Completed" && properties.total > 100' -o orders.csv
  selfsame export identifiers --where 'traits.plan == "premium"' -o ids.parquet`,
	}
	shorts := map[string]string{
		export.Profiles: "Write profiles with their identifiers, traits and audiences", export.Members: "Write the members of audiences",
		export.Events: "Write events, in the order in which they came", export.Identifiers: "Write the identifiers of profiles",
	}
	var commands []*cobra.Command
	for _, kind := range export.Kinds {
		commands = append(commands, sh.exportKind(kind, shorts[kind]))
	}
	return group(cmd, append(commands, sh.exportDefinitions())...)
}

// exportFlags are what an export is asked for with.
type exportFlags struct {
	file, format, audience, where, source, why string
	columns                                    []string
	account                                    bool
}

func (sh *shell) exportKind(kind, short string) *cobra.Command {
	var x exportFlags
	cmd := &cobra.Command{Use: kind, Short: short, Args: cobra.NoArgs}
	w := sh.where(cmd, true)
	f := cmd.Flags()
	f.StringVarP(&x.file, "output", "o", "", "the `FILE` to write, which is replaced when all of it is there; else standard output")
	f.StringVar(&x.format, "format", "", "ndjson, csv or parquet (else as the file's name says, or ndjson)")
	f.StringVar(&x.audience, "audience", "", "only members of the audience with this `KEY`, or their events")
	f.StringVar(&x.where, "where", "", "only what this CEL `EXPRESSION` holds of")
	f.BoolVar(&x.account, "account", false, "accounts, not users")
	f.StringVar(&x.why, "why", "", "the reason, for the audit trail")
	switch kind {
	case export.Profiles, export.Members:
		f.StringSliceVar(&x.columns, "columns", nil, "the `COLUMNS`: standard ones, traits or types of identifiers, separated by commas")
	case export.Events:
		f.StringVar(&x.source, "source", "", "only events of the source with this `ID`")
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := x.choose(sh); err != nil {
			return err
		}
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			return sh.runExport(cmd.Context(), c, space, kind, &x)
		})
	}
	return cmd
}

// choose finds the format.
func (x *exportFlags) choose(sh *shell) error {
	if x.format == "" {
		x.format = export.NDJSON
		if ext := strings.TrimPrefix(filepath.Ext(x.file), "."); slices.Contains(export.Formats, ext) {
			x.format = ext
		}
	}
	if !slices.Contains(export.Formats, x.format) {
		return usage("--format is %q; choose %s", x.format, strings.Join(export.Formats, ", "))
	}
	if x.file == "" && x.format == export.Parquet && sh.out.Terminal {
		return usage("Parquet is not for a terminal; name a file with --output")
	}
	return nil
}

func (x *exportFlags) query(id string) url.Values {
	q := url.Values{"format": {x.format}, "id": {id}}
	for name, value := range map[string]string{"audience": x.audience, "where": x.where, "source": x.source, "why": x.why} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if x.account {
		q.Set("collection", "accounts")
	}
	if len(x.columns) > 0 {
		q["columns"] = append(slices.Clone(x.columns), "") // several: each is one name
	}
	return q
}

// runExport asks for an export, writes it and says how far it is.
func (sh *shell) runExport(ctx context.Context, c *connection, space, kind string, x *exportFlags) (err error) {
	id := "exp_" + ksuid.New().String()
	began := time.Now()
	res, err := c.Send(ctx, http.MethodGet, client.InSpace(space, "export", kind), x.query(id), nil, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	out := sh.out.Data()
	finish := func() error { return nil }
	if x.file != "" {
		file, done, err := writeTo(x.file)
		if err != nil {
			return err
		}
		defer file.Close()
		if file.Name() != x.file {
			defer os.Remove(file.Name()) // which is gone once all of it is there
		}
		out, finish = file, done
	}
	watch, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		sh.watchExport(watch, c, space, id)
	}()
	_, err = io.Copy(out, res.Body)
	stop()
	<-watched
	var last api.Export
	known := c.Call(ctx, http.MethodGet, client.InSpace(space, "exports", id), nil, nil, &last) == nil
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && known && last.Error != "":
		return fmt.Errorf("the export could not be finished: %s", last.Error)
	case err != nil:
		return fmt.Errorf("the export was cut off, and what was written is not all: %w", err)
	}
	if err := finish(); err != nil {
		return err
	}
	if !known {
		return nil
	}
	rows := terminal.Many(last.Rows, map[string]string{export.Profiles: "profile", export.Members: "member", export.Events: "event", export.Identifiers: "identifier"}[kind])
	text := fmt.Sprintf("%s in %.1f s, as of %s", rows, time.Since(began).Seconds(), terminal.Moment(&last.AsOf))
	if x.file != "" {
		text = x.file + ": " + text
	}
	fmt.Fprintln(sh.err, sh.err.Paint(terminal.Dim, terminal.Clean(text)))
	if last.Damaged > 0 {
		fmt.Fprintln(sh.err, sh.err.Paint(terminal.Yellow, terminal.Many(last.Damaged, "event")+" cannot be read any more and are not in it; selfsame verify names them."))
	}
	return nil
}

// writeTo opens what an export is written to, and gives what is to be done when all of it
// is there: a file is replaced only then. A device or a pipe is written to as it is; what
// took its place would be a file that nobody asked for.
func writeTo(name string) (file *os.File, finish func() error, err error) {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		file, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return nil, nil, err
		}
		return file, file.Close, nil
	}
	if file, err = os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*"); err != nil {
		return nil, nil, err
	}
	return file, func() error {
		return errors.Join(file.Chmod(0o600), file.Sync(), file.Close(), os.Rename(file.Name(), name))
	}, nil
}

// exportLook is how often an export is looked at while it runs.
const exportLook = 250 * time.Millisecond

// watchExport shows how far an export is, until ctx ends.
func (sh *shell) watchExport(ctx context.Context, c *connection, space, id string) {
	b := terminal.NewBar(sh.err)
	defer b.Done()
	if !sh.err.Terminal {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(exportLook):
		}
		var e api.Export
		if c.Call(ctx, http.MethodGet, client.InSpace(space, "exports", id), nil, nil, &e) == nil {
			b.Show(e.Done, e.Total, fmt.Sprintf("%s rows", terminal.Count(e.Rows)))
		}
	}
}
