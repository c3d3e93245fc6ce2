package rejects

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/dchest/siphash"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// A reject's ID is its time of receipt, a tag of its source and some random bytes,
// in hexadecimal, so that IDs sort by time. In its keys the tag comes first: what
// one source has sent lies together, the oldest first.
type rejectID [idBytes]byte

const (
	timeBytes = 8
	tagBytes  = 4
	idBytes   = timeBytes + tagBytes + 4
)

// rejectTag stands for a source in the IDs of its rejects. Sources that have one
// tag in common, if there ever are two, share a budget.
type rejectTag [tagBytes]byte

func (k *Keeper) tag(source string) (t rejectTag) {
	h := siphash.Hash(k.cfg.HashKey[0], k.cfg.HashKey[1]^0x736f75726365, []byte(source))
	binary.BigEndian.PutUint32(t[:], uint32(h))
	return t
}

func newID(receivedAt int64, tag rejectTag) (id rejectID) {
	copy(id[:], codec.AppendTime(nil, receivedAt))
	copy(id[timeBytes:], tag[:])
	rand.Read(id[timeBytes+tagBytes:]) // never fails, see crypto/rand
	return id
}

func parseID(text string) (id rejectID, ok bool) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(id) {
		return id, false
	}
	copy(id[:], raw)
	return id, true
}

func (id rejectID) text() string { return hex.EncodeToString(id[:]) }

func (id rejectID) time() int64 { return codec.ParseTime(id[:]) }

func (id rejectID) tag() (t rejectTag) {
	copy(t[:], id[timeBytes:])
	return t
}

// rejectKey is the key of what is known of a reject, or of its body.
func rejectKey(kind codec.Key3[uint32, int64, uint32], ks codec.Keyspace, id rejectID) []byte {
	return kind.Key(ks, id.tag().number(), id.time(), binary.BigEndian.Uint32(id[timeBytes+tagBytes:]))
}

func (t rejectTag) number() uint32 { return binary.BigEndian.Uint32(t[:]) }

// idOf is the ID of the reject with a key.
func idOf(key []byte) (id rejectID, ok bool) {
	tag, at, random, ok := codec.Rejects.Parse(key)
	codec.AppendTime(id[:0], at)
	binary.BigEndian.PutUint32(id[timeBytes:], tag)
	binary.BigEndian.PutUint32(id[timeBytes+tagBytes:], random)
	return id, ok
}

// rejectRecord is what is known of a reject, without its body.
type rejectRecord struct {
	Reject
	stored int64 // bytes of the body as it is stored
}

const rejectVersion = 3

func (r *rejectRecord) append(b []byte) []byte {
	b = append(b, rejectVersion)
	for _, s := range [...]string{r.Source, r.Code, r.Message, r.MessageID, r.Type, r.Endpoint} {
		b = codec.AppendText(b, s)
	}
	for _, n := range [...]int64{r.ReceivedAt, r.Sent.Secs, int64(r.Sent.Nanos), r.Count, r.LastAt, r.stored} {
		b = binary.AppendVarint(b, n)
	}
	return b
}

func decodeReject(id rejectID, b []byte) (rejectRecord, error) {
	r := &codec.Reader{Rest: b}
	r.Version(rejectVersion)
	rej := rejectRecord{Reject: Reject{
		ID: id.text(), Source: r.Text(), Code: r.Text(), Message: r.Text(),
		MessageID: r.Text(), Type: r.Text(), Endpoint: r.Text(), ReceivedAt: r.Varint(), Sent: event.Sent{Secs: r.Varint(), Nanos: int32(r.Varint())},
		Count: r.Varint(), LastAt: r.Varint(),
	}}
	rej.stored = r.Varint()
	return rej, r.Err
}

// size is what a reject counts in its source's budget of bytes.
func (r *rejectRecord) size() int64 { return r.stored + rejectOverhead }

// rejectOverhead is what a reject takes besides its body, about.
const rejectOverhead = 256

// sameReject is what identical rejects have in common: source, code, endpoint and
// body. They are one record with a count.
type sameReject [16]byte

func (k *Keeper) same(r *Reject) (same sameReject) {
	text := make([]byte, 0, len(r.Source)+len(r.Code)+len(r.Endpoint)+len(r.Body)+3)
	for _, part := range [...]string{r.Source, r.Code, r.Endpoint} {
		text = append(append(text, part...), 0)
	}
	a, b := siphash.Hash128(k.cfg.HashKey[0], k.cfg.HashKey[1], append(text, r.Body...))
	binary.BigEndian.PutUint64(same[:8], a)
	binary.BigEndian.PutUint64(same[8:], b)
	return same
}

const (
	// sameRejectTime is how long a record counts identical rejects before the next
	// one begins a record of its own.
	sameRejectTime = time.Hour
	// mostSameRejects is how many records the writer remembers to count identical
	// rejects in.
	mostSameRejects = 8192
)

// openReject is a record that identical rejects are counted in.
type openReject struct {
	id    rejectID
	since int64 // when the first came
}
