package export

import (
	"bytes"
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// sink writes rows in a format. encode is called by several goroutines at once and may
// make a piece of output of rows; write is called in order with the rows and the piece.
type sink interface {
	begin() error
	encode(rows []row) ([]byte, error)
	write(rows []row, encoded []byte) error
	end() error
}

func newSink(format string, columns []column, w io.Writer) sink {
	switch format {
	case CSV:
		return &csvSink{columns, w}
	case Parquet:
		return newParquetSink(columns, w)
	}
	return &jsonSink{columns, w}
}

// jsonSink writes a JSON object on each line.
type jsonSink struct {
	columns []column
	w       io.Writer
}

func (s *jsonSink) begin() error { return nil }
func (s *jsonSink) end() error   { return nil }

func (s *jsonSink) encode(rows []row) ([]byte, error) {
	var b []byte
	for i := range rows {
		if rows[i].line != nil {
			b = append(append(b, rows[i].line...), '\n')
		} else {
			b = appendJSON(b, s.columns, rows[i].cells)
		}
	}
	return b, nil
}

func (s *jsonSink) write(_ []row, encoded []byte) error {
	_, err := s.w.Write(encoded)
	return err
}

// csvSink writes CSV as RFC 4180 has it, with a header.
type csvSink struct {
	columns []column
	w       io.Writer
}

func (s *csvSink) begin() error {
	names := make([]string, len(s.columns))
	for i, c := range s.columns {
		names[i] = harmless(c.name)
	}
	return s.lines(s.w, names)
}

func (s *csvSink) end() error { return nil }

func (s *csvSink) lines(w io.Writer, records ...[]string) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	return c.WriteAll(records)
}

func (s *csvSink) encode(rows []row) ([]byte, error) {
	records := make([][]string, len(rows))
	for i := range rows {
		records[i] = make([]string, len(s.columns))
		for k := range s.columns {
			records[i][k] = harmless(rows[i].cells[k].plainText(s.columns[k].form))
		}
	}
	var b bytes.Buffer
	err := s.lines(&b, records...)
	return b.Bytes(), err
}

func (s *csvSink) write(_ []row, encoded []byte) error {
	_, err := s.w.Write(encoded)
	return err
}

// harmless keeps a spreadsheet from taking a text that somebody sent for a formula: an
// apostrophe goes before it, as spreadsheets themselves write it. Signs of full width
// count for some as the plain ones. Numbers stay.
func harmless(s string) string {
	if first, _ := utf8.DecodeRuneInString(s); s == "" || !strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) {
		return s
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return s
	}
	return "'" + s
}

// parquetSink writes Parquet: optional columns, texts, times to the microsecond, JSON.
type parquetSink struct {
	columns []column
	order   []int // the columns of the file, which sorts them by name
	w       *parquet.Writer
	rows    []parquet.Row
}

// rowGroup is how many rows are in a group, which is held in memory.
const rowGroup = 50_000

func newParquetSink(columns []column, w io.Writer) sink {
	group := parquet.Group{}
	for _, c := range columns {
		var n parquet.Node
		switch c.form {
		case moment:
			n = parquet.Timestamp(parquet.Microsecond)
		case boolean:
			n = parquet.Leaf(parquet.BooleanType)
		case raw:
			n = parquet.JSON()
		default:
			n = parquet.String()
		}
		group[c.name] = parquet.Optional(n)
	}
	schema := parquet.NewSchema("selfsame", group)
	s := &parquetSink{columns: columns, w: parquet.NewWriter(w, schema, parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest}), parquet.MaxRowsPerRowGroup(rowGroup))}
	at := map[string]int{}
	for i, c := range columns {
		at[c.name] = i
	}
	for _, path := range schema.Columns() {
		s.order = append(s.order, at[path[0]])
	}
	return s
}

func (s *parquetSink) begin() error { return nil }

func (s *parquetSink) encode([]row) ([]byte, error) { return nil, nil }

func (s *parquetSink) write(rows []row, _ []byte) error {
	s.rows = s.rows[:0]
	for i := range rows {
		out := make(parquet.Row, len(s.order))
		for at, k := range s.order {
			out[at] = parquetValue(&rows[i].cells[k], s.columns[k].form, at)
		}
		s.rows = append(s.rows, out)
	}
	_, err := s.w.WriteRows(s.rows)
	return err
}

func parquetValue(c *cell, f form, at int) parquet.Value {
	if !c.set {
		return parquet.NullValue().Level(0, 0, at)
	}
	var v parquet.Value
	switch f {
	case moment:
		v = parquet.Int64Value(time.Unix(0, c.n).UnixMicro())
	case boolean:
		v = parquet.BooleanValue(c.n != 0)
	default:
		v = parquet.ByteArrayValue([]byte(c.plainText(f)))
	}
	return v.Level(0, 1, at)
}

func (s *parquetSink) end() error { return s.w.Close() }
