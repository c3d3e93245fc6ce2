package cli

import (
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
)

func (sh *shell) importEvents() *cobra.Command {
	var source, format string
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: "Load events from NDJSON and CSV files",
		Long: `Loads events from files, or from standard input (-), into a running server or,
which is faster, straight into the data directory of a stopped one (--data).

NDJSON has one message on a line, as SDKs send them. A .csv or .tsv file has a
header; columns named user_id, anonymous_id, email, group_id and id:TYPE say who,
timestamp says when, message_id names the event. With something in the column
event a row is a track call and the other columns are its properties; otherwise
it is an identify call and they are traits. "zip:string" sets how a column is
read (string, number, boolean, json). Files may be packed with gzip or zstd.

Ctrl-C stops it; the same command goes on where it stopped, days later too, and
a file that was imported to its end is not imported again, whatever its name. A
line that is no event is kept with its reason and costs only itself.`,
		Example: `  selfsame import events.ndjson.gz more.ndjson.zst --source web
  selfsame import people.csv --space dev --source crm
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
	f := cmd.Flags()
	f.StringVar(&source, "source", "", "the `ID` of the source they came from (not needed when the space has only one)")
	f.StringVar(&format, "format", "", "ndjson or csv; else the file's name says it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		form, ok := importer.ParseFormat(format)
		if !ok {
			return usage("--format is %q; choose ndjson or csv", format)
		}
		var inputs []*importer.Input
		for _, name := range args {
			one, err := importer.Open(name, form, sh.in)
			if err != nil {
				return err
			}
			inputs = append(inputs, one)
		}
		return w.with(ctx, func(c *connection) error {
			if err := sh.bootstrap(ctx, c); err != nil {
				return err
			}
			return w.chosenSpace(ctx, c, func(space string) error {
				src, err := sourceOf(ctx, c, space, source)
				if err != nil {
					return err
				}
				var target importer.Target = &remoteTarget{client: c.client, space: space, source: src}
				if c.engine != nil {
					if target, err = c.engine.Space(ctx, space); err != nil {
						return err
					}
				}
				return sh.runImport(ctx, importer.New(target, importer.Options{Source: src}), inputs)
			})
		})
	}
	return cmd
}

// bootstrap makes the first space in a directory that has none.
func (sh *shell) bootstrap(ctx context.Context, c *connection) error {
	if c.engine == nil {
		return nil
	}
	first, err := c.engine.Catalog().Bootstrap(ctx)
	if err != nil || first == nil {
		return err
	}
	fmt.Fprintf(sh.out, "The store is new. It has these now, shown once:\n\n")
	t := table{indent: "  ", styles: []style{"", bold}}
	t.add("space", first.Space)
	t.add("write key", first.WriteKey, "source "+first.Source)
	t.add("access token", first.Token, "for the Profile API")
	t.write(sh.out)
	fmt.Fprintln(sh.out)
	return nil
}

// sourceOf finds out which source is meant.
func sourceOf(ctx context.Context, c *connection, space, wanted string) (string, error) {
	sources, err := list[catalog.Source](ctx, c.client, in(space, "sources"))
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

func (sh *shell) runImport(ctx context.Context, im *importer.Import, inputs []*importer.Input) error {
	started := time.Now()
	stop := make(chan struct{})
	stopped := make(chan struct{})
	b := newBar(sh.err)
	go func() {
		defer close(stopped)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				importProgress(b, im, inputs, time.Since(started))
			}
		}
	}()
	err := im.Run(ctx, inputs)
	close(stop)
	<-stopped
	b.done()
	s := im.Summary()
	sh.importSummary(&s, time.Since(started))
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		fmt.Fprintf(sh.err, "%s Run the same command again to go on from here.\n", sh.err.paint(yellow, "Interrupted."))
	} else if err != nil && !errors.Is(err, importer.ErrNoEvents) {
		err = fmt.Errorf("%w\nWhat was counted above is stored; run the same command again to go on from there", err)
	}
	return err
}

// importProgress shows how far an import is, its rate, and when it will be done.
func importProgress(b *bar, im *importer.Import, inputs []*importer.Input, took time.Duration) {
	var read, total int64
	for _, one := range inputs {
		read += one.Read()
		if one.Size < 0 {
			total = -1
		}
		if total >= 0 {
			total += one.Size
		}
	}
	s := im.Summary()
	text := many(s.Lines, "line")
	if sec := took.Seconds(); sec > 0.5 {
		text += ", " + count(int64(float64(s.Lines)/sec)) + "/s"
		if total > 0 && read > 0 && read < total {
			text += ", " + span(time.Duration(float64(took)*float64(total-read)/float64(read))) + " left"
		}
	}
	if now := im.Current(); now != nil && len(inputs) > 1 {
		text += "  " + clean(now.Name)
	}
	b.show(read, max(total, 0), text)
}

// importSummary says what an import did.
func (sh *shell) importSummary(s *importer.Summary, took time.Duration) {
	for _, e := range s.Finished {
		fmt.Fprintf(sh.out, "%s was imported before, all %s of it. Nothing is imported again.\n", clean(e.Name), many(e.Lines, "line"))
	}
	for _, e := range s.Resumed {
		fmt.Fprintf(sh.out, "%s went on after line %s, where an earlier import stopped.\n", clean(e.Name), count(e.Lines))
	}
	if s.Lines == 0 {
		return
	}
	rate := ""
	if took > time.Second {
		rate = fmt.Sprintf(", %s/s", count(int64(float64(s.Lines)/took.Seconds())))
	}
	fmt.Fprintf(sh.out, "%s in %s%s\n", sh.out.paint(bold, "Imported "+many(s.Events, "event")), span(took), rate)
	t := table{indent: "  ", styles: []style{"", dim}}
	more := func(n int64, noun, what, hint string) {
		if n > 0 {
			t.add(many(n, noun)+what, hint)
		}
	}
	more(s.Repeats, "repeat", "", "messageIds that were seen before; not counted again")
	more(s.Created, "profile", " created", "")
	more(s.Merged, "profile", " merged", "into another one, by an event that ties them together")
	more(s.Demoted, "identifier", " left out", "by the rules: blocked values and limits")
	more(s.Unresolved, "event", " of nobody", "the rules accept none of their identifiers")
	t.write(sh.out)
	if n := s.Rejected(); n > 0 {
		fmt.Fprintf(sh.out, "%s\n", sh.out.paint(yellow, many(n, "line")+" refused, and kept (GET /api/spaces/…/rejects):"))
		t := table{indent: "  ", styles: []style{yellow, "", dim}}
		codes := make([]string, 0, len(s.Refusals))
		for code := range s.Refusals {
			codes = append(codes, code)
		}
		slices.SortFunc(codes, func(a, b string) int { return int(s.Refusals[b].Count - s.Refusals[a].Count) })
		for _, code := range codes {
			r := s.Refusals[code]
			t.add(count(r.Count), code, "first "+clean(r.First))
		}
		t.write(sh.out)
	}
}

// errMoved: somebody else moved the mark of an import.
var errMoved = &apiError{Status: http.StatusConflict, Message: "another import of the same file is running; let one of them finish"}
