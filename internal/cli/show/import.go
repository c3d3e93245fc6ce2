package show

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"
	"github.com/selfsame-id/selfsame/internal/importer"
)

// Progress shows how far an import is, its rate, and when it will be done.
func Progress(b *terminal.Bar, im *importer.Import, inputs []*importer.Input, took time.Duration) {
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
	now := im.Current()
	if now != nil && now.Read() == 0 && now.Looked() < now.Size {
		// Nothing of it is imported yet: the bar is of the look through it.
		b.Show(now.Looked(), now.Size, "looking through "+terminal.Clean(now.Name))
		return
	}
	s := im.Summary()
	text := terminal.Many(s.Lines, "line")
	if sec := took.Seconds(); sec > 0.5 {
		text += ", " + terminal.Count(int64(float64(s.Lines)/sec)) + "/s"
		if total > 0 && read > 0 && read < total {
			text += ", " + terminal.Span(time.Duration(float64(took)*float64(total-read)/float64(read))) + " left"
		}
	}
	if now != nil && len(inputs) > 1 {
		text += "  " + terminal.Clean(now.Name)
	}
	b.Show(read, max(total, 0), text)
}

// Import says what an import did.
func Import(out *terminal.Screen, s *importer.Summary, took time.Duration) {
	importFiles(out, s)
	if s.Lines == 0 {
		return
	}
	rate := ""
	if took > time.Second {
		rate = fmt.Sprintf(", %s/s", terminal.Count(int64(float64(s.Lines)/took.Seconds())))
	}
	fmt.Fprintf(out, "%s in %s%s\n", out.Paint(terminal.Bold, "Imported "+terminal.Many(s.Events, "event")), terminal.Span(took), rate)
	c := counts{}
	c.add(s.Repeats, "repeat", "repeats", "messageIds that were seen before; not counted again")
	c.add(s.Used, "event kept aside", "events kept aside", "other events had their messageIds before, or the same ones under another --source: selfsame rejects --code id_used_before")
	c.add(s.Compared, "event compared with all that is stored", "events compared with all that is stored", "they may have come before the dedupe window")
	c.add(s.Created, "profile created", "profiles created", "")
	c.add(s.Merged, "profile merged", "profiles merged", "into another one, by an event that ties them together")
	c.add(s.Demoted, "identifier left out", "identifiers left out", "by the rules: blocked values and limits")
	c.add(s.Unresolved, "event of nobody", "events of nobody", "the rules accept none of their identifiers")
	c.table("", terminal.Dim).Write(out)
	if n := s.Rejected(); n > 0 {
		fmt.Fprintf(out, "%s\n", out.Paint(terminal.Yellow, terminal.Many(n, "line")+" refused, and kept (see `selfsame rejects`):"))
		c := counts{}
		for _, code := range ByCount(s.Refusals) {
			r := s.Refusals[code]
			c.add(r.Count, code, code, "first "+terminal.Clean(r.First))
		}
		c.table(terminal.Yellow, "").Write(out)
	}
}

// importFiles says what there is to say about single files.
func importFiles(out *terminal.Screen, s *importer.Summary) {
	for _, e := range s.Encodings {
		fmt.Fprintf(out, "%s is not in UTF-8. It was read as %s; --encoding names another.\n", terminal.Clean(e.Name), e.Encoding)
	}
	for _, e := range s.Finished {
		refused := ""
		switch {
		case e.Rejected > 0 && e.Events == 0:
			refused = ", and every one was refused"
		case e.Rejected > 0:
			refused = ", of which " + terminal.Count(e.Rejected) + " refused"
		}
		fmt.Fprintf(out, "%s was imported before, all %s of it%s. Nothing is imported again.\n", terminal.Clean(e.Name), terminal.Many(e.Lines, e.Unit), refused)
	}
	for _, e := range s.Resumed {
		fmt.Fprintf(out, "%s continued after %s %s, where an earlier import stopped.\n", terminal.Clean(e.Name), e.Unit, terminal.Count(e.Lines))
	}
	for _, e := range s.Empty {
		what := "is empty"
		if e.Header {
			what = "has a header and no rows"
		}
		fmt.Fprintf(out, "%s %s.\n", terminal.Clean(e.Name), what)
	}
}

// ByCount lists the codes of refusals, the most frequent first.
func ByCount(refusals map[string]importer.Refused) []string {
	return slices.SortedFunc(maps.Keys(refusals), func(a, b string) int {
		return cmp.Or(cmp.Compare(refusals[b].Count, refusals[a].Count), strings.Compare(a, b))
	})
}

// add adds a line, unless there is nothing to count.
func (c *counts) add(n int64, one, several, hint string) {
	switch {
	case n == 1:
		*c = append(*c, countedLine{n, one, hint})
	case n > 1:
		*c = append(*c, countedLine{n, several, hint})
	}
}

func (c counts) table(numbers, hints terminal.Style) *terminal.Table {
	width := 0
	for _, one := range c {
		width = max(width, len(terminal.Count(one.n)))
	}
	t := &terminal.Table{Indent: "  ", Styles: []terminal.Style{numbers, hints}}
	for _, one := range c {
		t.Add(fmt.Sprintf("%*s %s", width, terminal.Count(one.n), one.what), one.hint)
	}
	return t
}

// counts are lines of numbers, which stand below one another, and what they
// count.
type counts []countedLine

type countedLine struct {
	n          int64
	what, hint string
}
