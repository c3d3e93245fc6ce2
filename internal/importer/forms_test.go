package importer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	uni "golang.org/x/text/encoding/unicode"

	"github.com/selfsame-id/selfsame/internal/space"
)

func inputHow(t *testing.T, path string, how Reading) *Input {
	t.Helper()
	in, err := Open(path, how, nil)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func encoded(t *testing.T, e encoding.Encoding, s string) string {
	t.Helper()
	out, err := e.NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Every way in which programs write one table.
func TestTheSameTableInManyForms(t *testing.T) {
	const table = "user_id,name,city,timestamp\nu1,\"Müller, José\",Århus,2020-01-02T03:04:05Z\nu2,André,,2020-01-02T03:04:06Z\n"
	want := []string{
		`{"type":"identify","userId":"u1","timestamp":"2020-01-02T03:04:05Z","traits":{"name":"Müller, José","city":"Århus"}}`,
		`{"type":"identify","userId":"u2","timestamp":"2020-01-02T03:04:06Z","traits":{"name":"André"}}`,
	}
	utf16 := func(end uni.Endianness, bom uni.BOMPolicy) string { return encoded(t, uni.UTF16(end, bom), table) }
	returns := strings.ReplaceAll(table, "\n", "\r")
	semicolons := "user_id;name;city;timestamp\nu1;\"Müller, José\";Århus;2020-01-02T03:04:05Z\nu2;André;;2020-01-02T03:04:06Z\n"
	for name, form := range map[string]struct{ text, encoding string }{
		"plain":                {table, ""},
		"windows ends":         {strings.ReplaceAll(table, "\n", "\r\n"), ""},
		"returns":              {returns, ""},
		"returns, no last":     {strings.TrimSuffix(returns, "\r"), ""},
		"mark":                 {"\xef\xbb\xbf" + table, ""},
		"blank line":           {"\n \r\n,,,\n" + table, ""},
		"semicolons":           {semicolons, ""},
		"sep=":                 {"sep=;\r\n" + semicolons, ""},
		"mark, blank, sep=":    {"\xef\xbb\xbf\r\n\"sep=;\"\r\n" + semicolons, ""},
		"tabs":                 {"sep=\t\r\n" + strings.ReplaceAll(semicolons, ";", "\t"), ""},
		"pipes":                {strings.ReplaceAll(semicolons, ";", "|"), ""},
		"empty last column":    {strings.ReplaceAll(strings.ReplaceAll(table, "\n", ",\n"), "timestamp,", "timestamp, ,"), ""},
		"more empty cells":     {strings.ReplaceAll(table, "Z\n", "Z,,, \n"), ""},
		"empty rows":           {strings.ReplaceAll(table, "Z\n", "Z\n,,,\n\n"), ""},
		"UTF-16LE, mark":       {utf16(uni.LittleEndian, uni.UseBOM), "UTF-16 (little-endian)"},
		"UTF-16BE, mark":       {utf16(uni.BigEndian, uni.UseBOM), "UTF-16 (big-endian)"},
		"UTF-16LE":             {utf16(uni.LittleEndian, uni.IgnoreBOM), "UTF-16 (little-endian)"},
		"UTF-16BE":             {utf16(uni.BigEndian, uni.IgnoreBOM), "UTF-16 (big-endian)"},
		"UTF-16LE and returns": {encoded(t, uni.UTF16(uni.LittleEndian, uni.UseBOM), returns), "UTF-16 (little-endian)"},
		"Latin-1":              {encoded(t, charmap.ISO8859_1, table), "Windows-1252 (Latin-1)"},
		"Mac Roman":            {encoded(t, charmap.Macintosh, table), "Mac Roman"},
		"Mac Roman, returns":   {encoded(t, charmap.Macintosh, returns), "Mac Roman"},
	} {
		for _, packed := range []bool{false, true} {
			text := form.text
			if packed {
				text = gzipped(t, text)
			}
			m := newModel()
			s := run(t, importer(m), input(t, write(t, "people.csv", text)))
			if !reflect.DeepEqual(m.bodies, want) || s.Rejected() != 0 {
				t.Errorf("%s (packed: %v):\n%s\n%+v", name, packed, strings.Join(m.bodies, "\n"), s)
			}
			said := ""
			if len(s.Encodings) > 0 {
				said = s.Encodings[0].Encoding
			}
			if said != form.encoding {
				t.Errorf("%s: it is said to be in %q, not %q", name, said, form.encoding)
			}
		}
	}
}

func TestEncodingIsTakenAsNamed(t *testing.T) {
	text := encoded(t, charmap.Windows1251, "user_id,имя\nu1,Анна\n")
	m := newModel()
	run(t, importer(m), inputHow(t, write(t, "f.csv", text), Reading{Encoding: "windows-1251"}))
	if len(m.bodies) != 1 || !strings.Contains(m.bodies[0], `"имя":"Анна"`) {
		t.Errorf("%q", m.bodies)
	}
	if _, err := ParseEncoding("ebcdic-of-1964"); err == nil {
		t.Error("an encoding that is none is taken")
	}
}

// A file in UTF-8 with a damaged byte is not taken for another encoding; the
// byte costs its line.
func TestDamagedUTF8CostsItsLine(t *testing.T) {
	m := newModel()
	s := run(t, importer(m), input(t, write(t, "f.csv", "user_id,name\nu1,Zoë\nu2,Jos\xe9\nu3,Siân\n")))
	if s.Events != 2 || s.Rejected() != 1 || len(s.Encodings) != 0 {
		t.Errorf("%+v", s)
	}
}

func TestReturnsEndRowsWhereFeedsAreInCells(t *testing.T) {
	m := newModel()
	run(t, importer(m), input(t, write(t, "f.csv", "user_id,\"two\nlines\"\ru1,\"a\nb\"\ru2,c\r")))
	want := []string{`{"type":"identify","userId":"u1","traits":{"two\nlines":"a\nb"}}`, `{"type":"identify","userId":"u2","traits":{"two\nlines":"c"}}`}
	if !reflect.DeepEqual(m.bodies, want) {
		t.Errorf("%q", m.bodies)
	}
	content, bodies := lines(50)
	m = newModel()
	run(t, importer(m), input(t, write(t, "f.ndjson", strings.ReplaceAll(content, "\n", "\r"))))
	if !reflect.DeepEqual(m.bodies, bodies) {
		t.Errorf("%d of %d events", len(m.bodies), len(bodies))
	}
}

func TestSeparatorInQuotesIsNoSeparator(t *testing.T) {
	m := newModel()
	run(t, importer(m), input(t, write(t, "f.csv", "user_id;\"a, b, c, d\"\nu1;x\nu2;\"1,2,3,4,5\"\n")))
	if len(m.bodies) != 2 || m.bodies[0] != `{"type":"identify","userId":"u1","traits":{"a, b, c, d":"x"}}` {
		t.Errorf("%q", m.bodies)
	}
	m = newModel()
	run(t, importer(m), inputHow(t, write(t, "f.csv", "user_id~a,b\nu1~x,y\n"), Reading{Delimiter: '~'}))
	if len(m.bodies) != 1 || m.bodies[0] != `{"type":"identify","userId":"u1","traits":{"a,b":"x,y"}}` {
		t.Errorf("%q", m.bodies)
	}
	for s, want := range map[string]byte{";": ';', "tab": '\t', `\t`: '\t', "~": '~', "\"": 0, "": 0, "ab": 0, "é": 0} {
		if got, err := ParseDelimiter(s); got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: %q %v", s, got, err)
		}
	}
}

func TestNamesOfColumns(t *testing.T) {
	how := Reading{Map: map[string]string{}}
	for _, s := range []string{"Customer No.=user_id", "Paid = yes=paid:boolean", "secret="} {
		if err := ParseMap(how.Map, s); err != nil {
			t.Fatal(err)
		}
	}
	m := newModel()
	run(t, importer(m), inputHow(t, write(t, "f.csv", "customer no.,Email Address,Account: Name,Ratio 1:2,Paid = yes,Secret\n17,a@b.c,Ann,0.5,TRUE,x\n"), how))
	want := `{"type":"identify","userId":"17","traits":{"email":"a@b.c","Account: Name":"Ann","Ratio 1:2":0.5,"paid":true}}`
	if len(m.bodies) != 1 || m.bodies[0] != want {
		t.Errorf("%q", m.bodies)
	}
	for _, s := range []string{"", "=email", "email", "Secret=x", "a=age:int"} {
		if err := ParseMap(map[string]string{"secret": ""}, s); err == nil {
			t.Errorf("%q is a map", s)
		}
	}
	err := importer(newModel()).Run(t.Context(), []*Input{inputHow(t, write(t, "f.csv", "user_id\nu\n"), how)})
	if err == nil || !strings.Contains(err.Error(), `no column "customer no."`) {
		t.Error(err)
	}
}

func TestCellsOutsideTheHeaderAreNotLost(t *testing.T) {
	m := newModel()
	path := write(t, "f.csv", "user_id,name,\nu1,a,b\nu2,a,,c\nu3\nu4,x,\n")
	s := run(t, importer(m), input(t, path))
	if s.Events != 2 || s.Rejected() != 2 {
		t.Fatalf("%+v", s)
	}
	for i, want := range []string{path + `:2: column 3 has no name in the header, and "b" stands below it`, path + ":3: the row has 4 cells"} {
		if !strings.HasPrefix(m.rejects[i].Message, want) || m.rejects[i].Code != "bad_row" {
			t.Errorf("%+v", m.rejects[i])
		}
	}
}

func TestDates(t *testing.T) {
	for _, c := range []struct {
		order    Dates
		in, want string
	}{
		{"", "2024-04-03", "2024-04-03"},
		{"", "25/12/2024", "2024-12-25"},
		{"", "12/25/2024 9:05", "2024-12-25T09:05"},
		{"", "5.5.2024 14:05:06", "2024-05-05T14:05:06"},
		{"", "03/04/2024", "?"},
		{"", "3-4-2024, 10:00", "?"},
		{DayFirst, "03/04/2024", "2024-04-03"},
		{DayFirst, "03.04.2024T10:00:00Z", "2024-04-03T10:00:00Z"},
		{MonthFirst, "03/04/2024 10:00", "2024-03-04T10:00"},
		{MonthFirst, "25/12/2024", "!"},
		{"", "25/13/2024", "!"},
		{"", "00/00/2024", "!"},
		{DayFirst, "1700000000", "1700000000"},
		{DayFirst, "03/04/24", "03/04/24"},
		{DayFirst, "03/04-2024", "03/04-2024"},
		{DayFirst, "03/04/20245", "03/04/20245"},
		{DayFirst, "//", "//"},
		{DayFirst, "", ""},
	} {
		got, err := c.order.iso(c.in)
		var two *ambiguous
		switch c.want {
		case "?":
			if !errors.As(err, &two) {
				t.Errorf("%s %s: %q %v", c.order, c.in, got, err)
			}
		case "!":
			if err == nil || errors.As(err, &two) {
				t.Errorf("%s %s: %q %v", c.order, c.in, got, err)
			}
		default:
			if err != nil || got != c.want {
				t.Errorf("%s %s: %q %v", c.order, c.in, got, err)
			}
		}
	}
	for s, want := range map[string]Dates{"": "", "dd/mm/yyyy": DayFirst, "DD.MM.YYYY": DayFirst, "MM-DD-YYYY": MonthFirst} {
		if got, err := ParseDates(s); err != nil || got != want {
			t.Errorf("%s: %s %v", s, got, err)
		}
	}
	if _, err := ParseDates("YYYY/MM"); err == nil {
		t.Error("an order that is none is taken")
	}
}

// A file whose dates may be two days is refused before anything of it is stored,
// with what to say; said, it is read.
func TestUnclearDatesAreAskedFor(t *testing.T) {
	for name, text := range map[string]string{
		"f.csv":    "user_id,timestamp\nu1,25/12/2023\nu2,03/04/2024 10:00\n",
		"f.ndjson": `{"type":"identify","userId":"u1","timestamp":"25/12/2023"}` + "\n" + `{"userId":"u2", "timestamp":"03\/04/2024 10:00","type":"identify"}` + "\n",
	} {
		path := write(t, name, text)
		m := newModel()
		err := importer(m).Run(t.Context(), []*Input{input(t, path)})
		if at := path + map[bool]string{true: ":3: ", false: ":2: "}[name == "f.csv"]; !errors.Is(err, ErrUnclear) || m.n != 0 ||
			!strings.Contains(err.Error(), at) || !strings.Contains(err.Error(), "--dates DD/MM/YYYY") {
			t.Errorf("%v after %d deliveries", err, m.n)
		}
		run(t, importer(m), inputHow(t, path, Reading{Dates: DayFirst}))
		if len(m.bodies) != 2 || !strings.Contains(m.bodies[0], `"2023-12-25"`) || !strings.Contains(m.bodies[1], `"2024-04-03T10:00"`) {
			t.Errorf("%s: %q", name, m.bodies)
		}
	}
}

func TestJSONThatIsNotOnLines(t *testing.T) {
	var want []string
	compact, pretty, concatenated := "[", "[\n", ""
	for i := range 200 {
		body := fmt.Sprintf(`{"type":"track","event":"a ] } { [ \" \\","userId":"u%d","messageId":"m%d","properties":{"list":[{"a":[]},{}],"n":null}}`, i, i)
		want = append(want, fmt.Sprintf("m%d", i))
		indented := strings.NewReplacer(`,"`, ",\n    \"", `[{`, "[\n{", `},{`, "},\n{").Replace(body)
		if i > 0 {
			compact, pretty = compact+",", pretty+",\n"
		}
		compact += body
		pretty += "  " + indented
		concatenated += indented + "\n"
	}
	for name, text := range map[string]string{
		"compact":          compact + "]",
		"pretty":           pretty + "\n]\n",
		"one a line":       strings.ReplaceAll(compact, `},{"type"`, "},\n{\"type\"") + "]",
		"concatenated":     concatenated,
		"without spaces":   strings.ReplaceAll(concatenated, "\n", "\r"),
		"mark":             "\xef\xbb\xbf" + pretty + "]",
		"no end":           pretty,
		"arrays":           compact + "]\n" + "[]\n[\n]",
		"comma at the end": pretty + ",\n]",
	} {
		for _, packed := range []bool{false, true} {
			if packed {
				text = gzipped(t, text)
			}
			path := write(t, "f.json", text)
			m := newModel()
			im := importer(m)
			s := run(t, im, input(t, path))
			if !reflect.DeepEqual(m.ids, want) || s.Rejected() != 0 || m.n < 3 {
				t.Errorf("%s: %d events, %+v in %d deliveries", name, len(m.ids), s, m.n)
			}
			// Interrupted after any delivery it goes on at an event.
			half := newModel()
			half.before = func(n int) error {
				if n == 3 {
					return errStop
				}
				return nil
			}
			if err := importer(half).Run(t.Context(), []*Input{input(t, path)}); !errors.Is(err, errStop) {
				t.Fatal(err)
			}
			half.before, half.seen = nil, map[string]bool{}
			run(t, importer(half), input(t, path))
			if !reflect.DeepEqual(half.ids, want) {
				t.Errorf("%s: %d events after an interruption", name, len(half.ids))
			}
		}
	}
}

func TestBrokenEventOfADocumentCostsItself(t *testing.T) {
	ok := func(i int) string {
		return fmt.Sprintf("  {\n    \"type\": \"identify\",\n    \"userId\": \"u%d\",\n    \"messageId\": \"m%d\"\n  }", i, i)
	}
	for name, c := range map[string]struct {
		broken string
		want   int // refusals
	}{
		"NaN":           {`  {"type":"track","event":"E","userId":"x","properties":{"n":NaN}}`, 1},
		"no brace":      {"  {\n    \"type\": \"identify\",\n    \"userId\": \"x\"", 1},
		"open string":   {"  {\n    \"type\": \"identify,\n    \"userId\": \"x\"\n  }", 1},
		"inner brace":   {"  {\n    \"type\": \"identify\", \"traits\": {\"a\": 1,\n    \"userId\": \"x\"\n  }", 1},
		"no event":      {"  \"text\"", 1},
		"number":        {"  17", 1},
		"wrong bracket": {`  {"type":"track","properties":{"a":[1,2}},"event":"E"}`, 2},
		"inner array":   {"  [1, 2, 3]", 1},
		"long":          {`  {"type":"track","event":"` + strings.Repeat("x", 3*small) + `"}`, 1},
	} {
		path := write(t, "f.json", "[\n"+ok(1)+",\n"+c.broken+",\n"+ok(2)+",\n"+ok(3)+"\n]")
		m := newModel()
		s := run(t, importer(m), input(t, path))
		if !reflect.DeepEqual(m.ids, []string{"m1", "m2", "m3"}) || int(s.Rejected()) != c.want {
			t.Errorf("%s: %q, %d refused: %+v", name, m.ids, s.Rejected(), m.rejects)
			continue
		}
		if r := m.rejects[0]; !strings.HasPrefix(r.Message, path+": event 2: ") || len(r.Body) == 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// Whatever the bytes are, reading them ends, and what is read is at most as long.
func FuzzDocument(f *testing.F) {
	for _, s := range []string{`[{"a":[1,{"b":"}"}]},{}]`, "{\n\"a\": {\n{", `[[[[]]],"x",1]`, "{\"a\":\"\\", "]]]{}[", "\xef\xbb\xbf[{}]"} {
		f.Add([]byte(s), 16)
	}
	f.Fuzz(func(t *testing.T, data []byte, limit int) {
		d := documentReader{limit: limit%1000 + 1000}
		cut := 0
		if len(data) > 0 {
			cut = rand.IntN(len(data))
		}
		d.feed(data[:cut])
		d.feed(data[cut:])
		d.end()
		if len(d.out) > 2*len(data)+2 || len(d.now) != 0 {
			t.Errorf("%q became %q", data, d.out)
		}
		for _, line := range strings.Split(string(d.out), "\n") {
			if len(line) > d.limit+1 {
				t.Errorf("a line of %d bytes", len(line))
			}
		}
		isDocument(data)
		onlyReturns(data)
		if len(data) > 0 {
			tableStart(data)
			commaOf(data)
		}
	})
}

func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	for name, id := range map[string]string{"b.ndjson": "b", "a.jsonl": "a", "sub/c.json": "c", "sub/.hidden.ndjson": "h", "_SUCCESS": "s", ".git/x.json": "g", "z.gz": "z"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(`{"type":"identify","userId":"u","messageId":"`+id+`"}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "readme.pdf"), []byte("%PDF"), 0o600); err != nil {
		t.Fatal(err)
	}
	files, left, err := Files(dir)
	if err != nil || !reflect.DeepEqual(left, []string{filepath.Join(dir, "readme.pdf")}) {
		t.Fatalf("%q %v", left, err)
	}
	var inputs []*Input
	for _, f := range files {
		inputs = append(inputs, input(t, f))
	}
	m := newModel()
	s := run(t, importer(m), inputs...)
	if !reflect.DeepEqual(m.ids, []string{"a", "b", "c", "z"}) || s.Files != 4 {
		t.Errorf("%q %+v", m.ids, s)
	}
	if _, _, err := Files(filepath.Join(dir, "nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// One content is one file, whatever it is packed with and comes through.
func TestPackedIsTheSameFile(t *testing.T) {
	text := "user_id,name\nu1,a\nu2,b\n"
	m := newModel()
	run(t, importer(m), input(t, write(t, "people.csv", text)))
	for _, again := range []*Input{input(t, write(t, "people.csv.gz", gzipped(t, text))), input(t, write(t, "other.csv.zst", zstandard(t, text)))} {
		if s := run(t, importer(m), again); s.Events != 0 || len(s.Finished) != 1 {
			t.Errorf("%s: %+v", again.Name, s)
		}
	}
	for _, text := range []string{text, gzipped(t, text)} {
		in, err := Open("-", Reading{}, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if s := run(t, importer(m), in); s.Events != 0 || len(s.Finished) != 1 {
			t.Errorf("through a pipe: %+v", s)
		}
	}
	// Read in another way it is read again, and its rows are the same rows.
	s := run(t, importer(m), inputHow(t, write(t, "people.csv", text), Reading{Map: map[string]string{"name": "full_name"}}))
	if s.Repeats != 2 || s.Events != 0 {
		t.Errorf("mapped: %+v", s)
	}
	// What only begins alike is another file.
	if s := run(t, importer(m), input(t, write(t, "people.csv", text+"u3,c\n"))); s.Events != 3 {
		t.Errorf("longer: %+v", s)
	}
}

func TestNothingInIt(t *testing.T) {
	m := newModel()
	s := run(t, importer(m), input(t, write(t, "a.csv", "")), input(t, write(t, "b.csv", "user_id,name\n")), input(t, write(t, "c.ndjson", "\n\n")), input(t, write(t, "d.json", "[]")))
	if len(s.Empty) != 4 || s.Empty[0].Header || !s.Empty[1].Header || s.Empty[2].Header || s.Empty[3].Header || s.Taken() {
		t.Errorf("%+v", s)
	}
	s = run(t, importer(m), input(t, write(t, "e.ndjson", "{\n{\n")))
	if s.Taken() || s.Refused() != 2 || len(s.Empty) != 0 {
		t.Errorf("%+v", s)
	}
}

// Lines of a byte or two do not become millions of records at once.
func TestDeliveriesAreBounded(t *testing.T) {
	content, _ := lines(1)
	m := &bounds{model: newModel()}
	im := New(m, Options{Source: "web"})
	run(t, im, input(t, write(t, "f.ndjson", content+strings.Repeat("x\n", 100_000))))
	if m.most > batchLines || len(m.rejects) != 100_000 {
		t.Errorf("%d lines at once, %d refused", m.most, len(m.rejects))
	}
	header := "user_id"
	for i := range 200 {
		header += fmt.Sprintf(",a column with a name that goes on for long %d", i)
	}
	m = &bounds{model: newModel()}
	s := run(t, New(m, Options{Source: "web"}), input(t, write(t, "f.csv", header+"\n"+strings.Repeat("u"+strings.Repeat(",1", 200)+"\n", 3000))))
	if m.bytes > batchBytes+64<<10 || s.Events != 3000 {
		t.Errorf("%d bytes at once, %+v", m.bytes, s)
	}
}

// bounds is a model that measures deliveries.
type bounds struct {
	*model
	most, bytes int
}

func (b *bounds) Ingest(ctx context.Context, d space.Delivery) (space.Receipt, error) {
	b.most = max(b.most, len(d.Messages)+len(d.Rejects))
	n := 0
	for i := range d.Messages {
		n += len(d.Messages[i].Body)
	}
	b.bytes = max(b.bytes, n)
	return b.model.Ingest(ctx, d)
}
