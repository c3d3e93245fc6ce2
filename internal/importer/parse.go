package importer

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/space/rejects"
)

// batchLines and batchBytes bound what becomes one delivery: lines of a few bytes
// must not become millions of records in memory, nor rows of a few bytes below a
// long header more than a request may hold. One message may be on top.
const (
	batchLines = 6000
	batchBytes = 4 << 20
)

// Batch is a run of lines, ready to be delivered.
type Batch struct {
	End      Position
	Messages []event.Message
	Rejects  []rejects.Reject // lines that are no messages, each with its place

	bytes   int    // of messages and refused lines
	given   int    // messages that came without an ID
	unclear string // the first refusal because of a date that may be two days
}

// parser turns blocks of one input into batches. It may be used from many
// goroutines at once.
type parser struct {
	input  *Input
	source string
	table  *table
	dates  Dates
	env    event.Envelope
	spare  chan []event.Message // slices that nobody looks into any more
}

// parse parses a block and hands its batches to emit, in order, until that
// returns false.
func (p *parser) parse(b block, emit func(*Batch) bool) {
	if b.long {
		out := &Batch{End: b.end}
		err := &event.Refusal{Code: event.TooLarge, Offset: -1, Reason: fmt.Sprintf("the %s is longer than %d bytes; is this a file with one event on a line?", p.input.lines, len(b.data))}
		p.refuse(out, b.data, b.start.Line+1, err)
		emit(out)
		return
	}
	out := p.batch(len(b.data))
	at := b.start
	var arena []byte // memory of the messages that rows of a table become
	var cells []string
	for data := b.data; len(data) > 0; {
		if len(out.Messages)+len(out.Rejects) == batchLines || out.bytes >= batchBytes {
			out.End = at
			if !emit(out) {
				return
			}
			out = p.batch(len(data))
		}
		n := p.rowEnd(data, cells)
		row := data[:n]
		data = data[n:]
		number := at.Line + 1
		at.Offset += int64(n)
		at.Line += int64(bytes.Count(row, []byte{'\n'}))
		for bytes.HasPrefix(row, byteOrderMark) { // files that were put together
			row = row[len(byteOrderMark):]
		}
		raw := bytes.TrimSpace(row)
		if len(raw) == 0 {
			continue
		}
		if p.table != nil {
			var err error
			var message []byte
			cells, err = appendFields(cells[:0], row, p.table.comma)
			if err == nil && blank(cells) {
				continue
			}
			if cap(arena) < 4<<10 {
				arena = make([]byte, 0, 256<<10)
			}
			if err == nil {
				message, err = p.table.message(arena, cells)
			}
			if err != nil {
				p.refuseRow(out, raw, number, err)
				continue
			}
			raw = message[:len(message):len(message)]
			arena = message[len(message):]
		}
		p.message(out, raw, number)
	}
	out.End = b.end
	emit(out)
}

// batch makes room for the batch of a number of bytes.
func (p *parser) batch(size int) *Batch {
	out := &Batch{}
	select {
	case used := <-p.spare:
		out.Messages = used[:0]
	default:
		out.Messages = make([]event.Message, 0, min(1+size/512, batchLines))
	}
	return out
}

// rowEnd is how many bytes the first line or row takes.
func (p *parser) rowEnd(data []byte, cells []string) int {
	n := 0
	if p.table == nil {
		n = bytes.IndexByte(data, '\n') + 1
	} else {
		n = rowEnd(data, p.table.comma)
	}
	if n == 0 && p.table != nil {
		// The last row of the file, or one whose quote never ends: then only
		// its first line is given up.
		if n = len(data); bytes.IndexByte(data, '"') >= 0 {
			if _, err := appendFields(cells[:0], data, p.table.comma); err != nil {
				n = bytes.IndexByte(data, '\n') + 1
			}
		}
	}
	if n == 0 {
		n = len(data)
	}
	return n
}

// BadRow is the code of a row of a table that stands for no message.
const BadRow event.Code = "bad_row"

func (p *parser) message(out *Batch, raw []byte, line int64) {
	m, err := event.Parse(raw, p.env)
	var r *event.Refusal
	if errors.As(err, &r) && r.Code == event.BadTimestamp {
		dated, wrong := p.dated(raw)
		switch {
		case wrong != nil:
			p.refuseRow(out, raw, line, wrong)
			return
		case dated != nil:
			m, err = event.Parse(dated, p.env)
		}
	}
	if err != nil {
		p.refuse(out, raw, line, err)
		return
	}
	if m.MessageID == "" {
		m.Give(p.input.messageID(line))
		out.given++
	}
	out.Messages = append(out.Messages, m)
	out.bytes += len(m.Body)
}

// dated writes the days of a JSON message that are three numbers as ISO 8601;
// nil when it has none.
func (p *parser) dated(raw []byte) ([]byte, error) {
	var wrong error
	out := append(make([]byte, 0, len(raw)+16), '{')
	changed := false
	event.ForEach(raw, func(key string, value []byte) bool {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(appendQuoted(out, key), ':')
		if text, ok := event.Text(value); ok && value[0] == '"' && (key == "timestamp" || key == "originalTimestamp") {
			iso, err := p.dates.iso(text)
			wrong = errors.Join(wrong, err)
			if iso != text {
				out, changed = appendQuoted(out, iso), true
				return true
			}
		}
		out = append(out, value...)
		return true
	})
	if wrong != nil || !changed {
		return nil, wrong
	}
	return append(out, '}'), nil
}

// refuseRow refuses a row that stands for no message, or has a time that is none.
func (p *parser) refuseRow(out *Batch, raw []byte, line int64, err error) {
	r := &event.Refusal{Code: BadRow, Offset: -1, Reason: err.Error()}
	var two *ambiguous
	if errors.As(err, &two) {
		r.Code, r.Field = event.BadTimestamp, "timestamp"
	}
	p.refuse(out, raw, line, r)
	if two != nil && out.unclear == "" {
		out.unclear = out.Rejects[len(out.Rejects)-1].Message
	}
}

func (p *parser) refuse(out *Batch, raw []byte, line int64, err error) {
	code, reason := string(event.BadField), err.Error()
	var r *event.Refusal
	if errors.As(err, &r) {
		code, reason = string(r.Code), r.Reason
	}
	out.bytes += len(raw)
	out.Rejects = append(out.Rejects, rejects.New(raw, rejects.Reject{
		Source: p.source, ReceivedAt: p.env.ReceivedAt, Code: code, Message: p.input.place(line) + ": " + reason,
	}))
}

// messageID names an event that has no ID by the content of its file and its
// line, so that it is the same event when the file is read again.
func (in *Input) messageID(line int64) string {
	return fmt.Sprintf("import-%s-%d", in.found.fingerprint[:16], line)
}
