package importer

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/httpapi/refused"
	"github.com/selfsame-id/selfsame/internal/space"
)

// Batch is what a block holds, ready to be delivered.
type Batch struct {
	End      Position
	Messages []event.Message
	Rejects  []space.Reject // lines that are no messages, each with its place
}

// parser turns blocks of one input into batches. It may be used from many
// goroutines at once.
type parser struct {
	input  *Input
	source string
	table  *table
	env    event.Envelope
	spare  chan []event.Message // slices that nobody looks into any more
}

// parse parses a block.
func (p *parser) parse(b block) *Batch {
	out := &Batch{End: b.end}
	if b.long {
		err := &event.Refusal{Code: event.TooLarge, Offset: -1, Reason: fmt.Sprintf("the line is longer than %d bytes; is this a file with one event on a line?", len(b.data))}
		p.refuse(out, b.data, b.start.Line+1, err)
		return out
	}
	select {
	case used := <-p.spare:
		out.Messages = used[:0]
	default:
		out.Messages = make([]event.Message, 0, 1+len(b.data)/512)
	}
	line := b.start.Line
	var arena []byte // memory of the messages that rows of a table become
	var cells []string
	for data := b.data; len(data) > 0; {
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
		raw := bytes.TrimSpace(data[:n])
		number := line + 1
		line += int64(bytes.Count(data[:n], []byte{'\n'}))
		row := data[:n]
		data = data[n:]
		if len(raw) == 0 {
			continue
		}
		if p.table != nil {
			var err error
			cells, err = appendFields(cells[:0], row, p.table.comma)
			var message []byte
			if cap(arena) < 4<<10 {
				arena = make([]byte, 0, 256<<10)
			}
			if err == nil {
				message, err = p.table.message(arena, cells)
			}
			if err != nil {
				p.refuse(out, raw, number, &event.Refusal{Code: BadRow, Offset: -1, Reason: err.Error()})
				continue
			}
			raw = message[:len(message):len(message)]
			arena = message[len(message):]
		}
		p.message(out, raw, number)
	}
	return out
}

// BadRow is the code of a row of a table that stands for no message.
const BadRow event.Code = "bad_row"

func (p *parser) message(out *Batch, raw []byte, line int64) {
	m, err := event.Parse(raw, p.env)
	if err != nil {
		p.refuse(out, raw, line, err)
		return
	}
	if m.MessageID == "" {
		m.MessageID = p.input.messageID(line)
	}
	out.Messages = append(out.Messages, m)
}

func (p *parser) refuse(out *Batch, raw []byte, line int64, err error) {
	r := refused.New(raw, p.source, "", p.env.ReceivedAt, err)
	r.Message = p.input.Name + ":" + strconv.FormatInt(line, 10) + ": " + r.Message
	out.Rejects = append(out.Rejects, r)
}

// messageID names an event that has no ID by its file and line, so that it is
// the same event when the file is read again.
func (in *Input) messageID(line int64) string {
	return "import-" + in.Fingerprint[:16] + "-" + strconv.FormatInt(line, 10)
}
