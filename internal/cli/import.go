package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/show"

	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/importer"
	"github.com/selfsame-id/selfsame/internal/space"
)

func (sh *shell) importEvents() *cobra.Command {
	var source string
	var how importFlags
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: "Load events from JSON and CSV files",
		Long: `Loads events from files, from all files of a directory, or from standard input
(-), into a running server or, which is faster, straight into the data directory
of a stopped one (--data).

JSON is one message on a line, as SDKs send them, or an array of them. A .csv or
.tsv file has a header; columns named user_id, anonymous_id, email, group_id and
id:TYPE say who, timestamp says when, message_id names the event. With something
in the column event a row is a track call and the other columns are its
properties; otherwise it is an identify call and they are traits. "zip:string"
sets how a column is read (string, number, boolean, json), and --map says what a
column is that has another name. Files may be packed with gzip or zstd. What
separates the cells, and the encoding of the text, are found out and said.

Ctrl-C stops it; the same command goes on where it stopped, days later too, and
a file that was imported to its end is not imported again, whatever its name,
packed or not. A line that is no event is kept with its reason and costs only
itself. The exit status is 1 when nothing was taken.

A messageId counts once. Events older than the dedupe window, and rows without
an ID of their own, are compared with all that is stored (--dedupe auto), the
others with what arrived within the window. --dedupe all compares every event
with all that is stored, --dedupe window none. Events that came live as well are
repeats only under the same --source; under another one they are refused, as
their messageIds were used before.`,
		Example: `  selfsame import events.ndjson.gz more.ndjson.zst --source web
  selfsame import people.csv --space dev --source crm --map "Email Address=email"
  selfsame import ./archive --source web
  zcat archive/*.gz | selfsame import - --data ./selfsame-data --source web`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("FILE is missing (- is standard input)")
			}
			return nil
		},
	}
	w := sh.where(cmd, true)
	w.making = true
	asJSON := jsonFlag(cmd)
	cmd.Flags().StringVar(&source, "source", "", "the `ID` of the source they came from (not needed when the space has only one)")
	how.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		reading, dedupe, err := how.read()
		if err != nil {
			return err
		}
		inputs, err := sh.inputs(args, reading)
		if err != nil {
			return err
		}
		return w.with(ctx, func(c *connection) error {
			if err := sh.bootstrap(ctx, c, *asJSON); err != nil {
				return err
			}
			return w.chosenSpace(ctx, c, func(id string) error {
				src, err := sourceOf(ctx, c, id, source)
				if err != nil {
					return err
				}
				var target importer.Target = &remoteTarget{Client: c.Client, space: id, source: src}
				if c.engine != nil {
					if target, err = c.engine.Space(ctx, id); err != nil {
						return err
					}
				}
				return sh.runImport(ctx, importer.New(target, importer.Options{Source: src, Dedupe: dedupe}), inputs, *asJSON)
			})
		})
	}
	return cmd
}

// importFlags are the flags that say how files are to be read.
type importFlags struct {
	format, delimiter, encoding, dates, dedupe string
	columns                                    []string
}

func (i *importFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&i.format, "format", "", "ndjson (any JSON) or csv; else the file's name or its beginning says it")
	f.StringVar(&i.delimiter, "delimiter", "", "what separates the cells of a table: one `CHARACTER`, or tab; else it is found out")
	f.StringVar(&i.encoding, "encoding", "", "the `NAME` of the text's encoding, such as windows-1252; else it is found out")
	f.StringVar(&i.dates, "dates", "", "the order of dates such as 03/04/2024: DD/MM/YYYY or MM/DD/YYYY")
	f.StringArrayVar(&i.columns, "map", nil, "what a column is, as `\"COLUMN=NAME\"`, such as \"Email Address=email\"; without NAME it is left out")
	f.StringVar(&i.dedupe, "dedupe", "auto", "with what messageIds are compared: auto, all, window")
}

func (i *importFlags) read() (how importer.Reading, dedupe space.Dedupe, err error) {
	ok := false
	if how.Format, ok = importer.ParseFormat(i.format); !ok {
		return how, 0, usage("--format is %q; choose ndjson or csv", i.format)
	}
	if i.delimiter != "" {
		if how.Delimiter, err = importer.ParseDelimiter(i.delimiter); err != nil {
			return how, 0, usage("--delimiter: %s", err)
		}
	}
	if how.Encoding, err = importer.ParseEncoding(i.encoding); err != nil {
		return how, 0, usage("--encoding: %s", err)
	}
	if how.Dates, err = importer.ParseDates(i.dates); err != nil {
		return how, 0, usage("--dates: %s", err)
	}
	how.Map = map[string]string{}
	for _, c := range i.columns {
		if err := importer.ParseMap(how.Map, c); err != nil {
			return how, 0, usage("--map: %s", err)
		}
	}
	if dedupe, ok = space.ParseDedupe(i.dedupe); !ok {
		return how, 0, usage("--dedupe is %q; choose auto, all or window", i.dedupe)
	}
	return how, dedupe, nil
}

// inputs opens what was named, with the files of directories.
func (sh *shell) inputs(names []string, how importer.Reading) ([]*importer.Input, error) {
	var inputs []*importer.Input
	for _, name := range names {
		files, left, err := importer.Files(name)
		if err != nil {
			return nil, err
		}
		for _, other := range left {
			fmt.Fprintf(sh.err, "%s does not have the name of an event file, and is skipped.\n", terminal.Clean(other))
		}
		if len(files) == 0 {
			return nil, fmt.Errorf("%s contains no event files (.ndjson, .jsonl, .json, .csv, .tsv, .txt, .log, or packed with gzip or zstd)", name)
		}
		for _, file := range files {
			one, err := importer.Open(file, how, sh.in)
			if err != nil {
				return nil, err
			}
			inputs = append(inputs, one)
		}
	}
	return inputs, nil
}

// bootstrap makes the first space in a directory that has none.
func (sh *shell) bootstrap(ctx context.Context, c *connection, asJSON bool) error {
	if c.engine == nil {
		return nil
	}
	first, err := c.engine.Catalog().Bootstrap(ctx)
	if err != nil || first == nil {
		return err
	}
	out := sh.out
	if asJSON {
		out = sh.err // the answer is for a program
	}
	fmt.Fprintf(out, "The store is new. These were made, and are shown only once:\n\n")
	t := terminal.Table{Indent: "  ", Styles: []terminal.Style{"", terminal.Bold}}
	t.Add("space", first.Space)
	t.Add("write key", first.WriteKey, "source "+first.Source)
	t.Add("access token", first.Token, "for the Profile API")
	t.Write(out)
	fmt.Fprintln(out)
	return nil
}

// sourceOf finds out which source is meant.
func sourceOf(ctx context.Context, c *connection, space, wanted string) (string, error) {
	sources, err := client.List[catalog.Source](ctx, c.Client, client.InSpace(space, "sources"))
	if err != nil {
		return "", err
	}
	var ids []string
	for _, s := range sources {
		ids = append(ids, s.ID)
	}
	switch {
	case slices.Contains(ids, wanted):
		return wanted, nil
	case len(ids) == 0:
		return "", fmt.Errorf("space %s has no source; make one with `selfsame source create ID --space %s`", space, space)
	case wanted != "":
		return "", usage("space %s has no source %q; it has %s. Make one with `selfsame source create %s --space %s`", space, wanted, strings.Join(ids, ", "), wanted, space)
	case len(ids) == 1:
		return ids[0], nil
	}
	return "", usage("the events need a source; choose one with --source: %s", strings.Join(ids, ", "))
}

func (sh *shell) runImport(ctx context.Context, im *importer.Import, inputs []*importer.Input, asJSON bool) error {
	started := time.Now()
	stop := make(chan struct{})
	stopped := make(chan struct{})
	b := terminal.NewBar(sh.err)
	go func() {
		defer close(stopped)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				show.Progress(b, im, inputs, time.Since(started))
			}
		}
	}()
	err := im.Run(ctx, inputs)
	close(stop)
	<-stopped
	b.Done()
	s := im.Summary()
	if asJSON {
		if wrong := sh.importJSON(&s, time.Since(started), err); wrong != nil {
			return wrong
		}
	} else {
		show.Import(sh.out, &s, time.Since(started))
	}
	return sh.importOutcome(ctx, &s, err)
}

// importOutcome is how an import ends: well only when something of the files is
// stored.
func (sh *shell) importOutcome(ctx context.Context, s *importer.Summary, err error) error {
	stored := s.Events+s.Repeats+s.Rejected() > 0
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintf(sh.err, "%s Run the same command again to go on from here.\n", sh.err.Paint(terminal.Yellow, "Interrupted."))
		return err
	case err != nil && stored:
		return fmt.Errorf("%w\nWhat was counted above is stored; run the same command again to go on from there", err)
	case err != nil:
		return err
	case s.Taken():
		return nil
	case s.Refused() == 0 && s.Used > 0:
		return fmt.Errorf("nothing was imported: other events had the messageIds of all lines before (%s); `selfsame rejects --code id_used_before` shows what was kept; events that are stored already are repeats only under the same --source", terminal.Count(s.Used))
	case s.Refused() > 0:
		return fmt.Errorf("nothing was imported: every line was refused (%s); `selfsame rejects` shows them", terminal.Count(s.Refused()))
	}
	return errors.New("nothing was imported: there are no events in what was read")
}

// errMoved: somebody else moved the mark of an import.
var errMoved = &client.Error{Status: http.StatusConflict, Message: "another import of the same file is running; let one of them finish"}
