package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/client"

	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/space"
)

// remoteTarget imports into a running server. A request whose answer is lost is
// sent again; the mark that it expects makes it count once.
type remoteTarget struct {
	*client.Client
	space, source string
	marks         map[string][]byte // as the server has them
	packer        *zstd.Encoder
	body, packed  []byte
}

// The headers of an import, under their canonical names. Those of a mark carry
// its values in base64.
const (
	markHeader   = "Selfsame-Mark"
	expectHeader = "Selfsame-Mark-Expect"
	// refusedHeader counts the lines at the end of a request that were refused
	// here, each with its reason.
	refusedHeader = "Selfsame-Refused"
)

// patience is how long a server that does not answer is asked again.
const patience = 30 * time.Second

// Mark reads a mark.
func (t *remoteTarget) Mark(ctx context.Context, name string) ([]byte, error) {
	var m struct{ Value []byte }
	err := t.Call(ctx, http.MethodGet, client.InSpace(t.space, "marks", name), nil, nil, &m)
	if err != nil && !client.HasStatus(err, http.StatusNotFound) {
		return nil, err
	}
	if t.marks == nil {
		t.marks = map[string][]byte{}
	}
	t.marks[name] = m.Value
	return m.Value, nil
}

// Ingest sends a delivery: its messages and, so that they are kept, what was
// refused here already.
func (t *remoteTarget) Ingest(ctx context.Context, d space.Delivery) (space.Receipt, error) {
	t.body = t.body[:0]
	for i := range d.Messages {
		t.body = appendLine(t.body, &d.Messages[i])
	}
	for i := range d.Rejects {
		r := &d.Rejects[i]
		line, err := json.Marshal(api.RefusedLine{Code: r.Code, Message: r.Message, MessageID: r.MessageID, Type: r.Type, Body: r.Body})
		if err != nil {
			return space.Receipt{}, err
		}
		t.body = append(append(t.body, line...), '\n')
	}
	if t.packer == nil {
		var err error
		if t.packer, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1)); err != nil {
			return space.Receipt{}, err
		}
	}
	t.packed = t.packer.EncodeAll(t.body, t.packed[:0])

	began := time.Now()
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 3*time.Second) {
		r, err := t.post(ctx, &d)
		if err == nil {
			t.marks[d.Mark.Name] = d.Mark.Value
			return r, nil
		}
		var answered *client.Error
		switch {
		case client.HasStatus(err, http.StatusConflict):
			return t.taken(ctx, d)
		case client.HasStatus(err, http.StatusTooManyRequests), client.HasStatus(err, http.StatusServiceUnavailable):
			// As long as it takes: the server is there and has said so.
		case errors.As(err, &answered), ctx.Err() != nil, time.Since(began) > patience:
			return space.Receipt{}, err
		}
		time.Sleep(pause)
	}
}

// appendLine appends a message as a line, with the ID that it was given here if
// it came without one.
func appendLine(b []byte, m *event.Message) []byte {
	body := bytes.TrimSpace(m.Body)
	if m.MessageIDGiven {
		// At the end, for the last of equal keys counts. An object of a message is
		// never empty.
		b = append(b, bytes.ReplaceAll(body[:len(body)-1], []byte{'\n'}, []byte{' '})...)
		return append(append(append(b, `,"messageId":"`...), m.MessageID...), '"', '}', '\n')
	}
	return append(append(b, bytes.ReplaceAll(body, []byte{'\n'}, []byte{' '})...), '\n')
}

// post makes one attempt.
func (t *remoteTarget) post(ctx context.Context, d *space.Delivery) (space.Receipt, error) {
	m := d.Mark
	header := http.Header{
		"Content-Type":     {"application/x-ndjson"},
		"Content-Encoding": {"zstd"},
		markHeader:         {base64.StdEncoding.EncodeToString(m.Value)},
		expectHeader:       {base64.StdEncoding.EncodeToString(t.marks[m.Name])},
	}
	if len(d.Rejects) > 0 {
		header.Set(refusedHeader, strconv.Itoa(len(d.Rejects)))
	}
	query := url.Values{"source": {t.source}, "mark": {m.Name}, "dedupe": {d.Dedupe.String()}}
	var r space.Receipt
	res, err := t.Send(ctx, http.MethodPost, client.InSpace(t.space, "import"), query, bytes.NewReader(t.packed), header)
	if err != nil {
		return r, err
	}
	defer res.Body.Close()
	return r, json.NewDecoder(res.Body).Decode(&r)
}

// taken finds out whether a delivery whose mark is not expected any more was
// taken before its answer was lost. What it did is then not known.
func (t *remoteTarget) taken(ctx context.Context, d space.Delivery) (space.Receipt, error) {
	value, err := t.Mark(ctx, d.Mark.Name)
	if err != nil {
		return space.Receipt{}, err
	}
	if !bytes.Equal(value, d.Mark.Value) {
		return space.Receipt{}, errMoved
	}
	return space.Receipt{Stored: len(d.Messages)}, nil
}
