package space

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/dchest/siphash"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// A reject's ID is its time of receipt, a tag of its source and some random bytes,
// in hexadecimal, so that IDs sort by time. In its keys the tag comes first: what
// one source has sent lies together, the oldest first.
type rejectID [rejectIDBytes]byte

const (
	rejectTimeBytes = 8
	rejectTagBytes  = 4
	rejectIDBytes   = rejectTimeBytes + rejectTagBytes + 4
)

// rejectTag stands for a source in the IDs of its rejects. Sources that have one
// tag in common, if there ever are two, share a budget.
type rejectTag [rejectTagBytes]byte

func (s *Space) rejectTag(source string) (t rejectTag) {
	h := siphash.Hash(s.hashKey[0], s.hashKey[1]^0x736f75726365, []byte(source))
	binary.BigEndian.PutUint32(t[:], uint32(h))
	return t
}

func newRejectID(receivedAt int64, tag rejectTag) (id rejectID) {
	copy(id[:], codec.AppendTime(nil, receivedAt))
	copy(id[rejectTimeBytes:], tag[:])
	rand.Read(id[rejectTimeBytes+rejectTagBytes:]) // never fails, see crypto/rand
	return id
}

func parseRejectID(text string) (id rejectID, ok bool) {
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
	copy(t[:], id[rejectTimeBytes:])
	return t
}

// rejectKey is the key of what is known of a reject, or of its body.
func rejectKey(kind codec.Key3[uint32, int64, uint32], ks codec.Keyspace, id rejectID) []byte {
	return kind.Key(ks, id.tag().number(), id.time(), binary.BigEndian.Uint32(id[rejectTimeBytes+rejectTagBytes:]))
}

func (t rejectTag) number() uint32 { return binary.BigEndian.Uint32(t[:]) }

// rejectIDOf is the ID of the reject with a key.
func rejectIDOf(key []byte) (id rejectID, ok bool) {
	tag, at, random, ok := codec.Rejects.Parse(key)
	codec.AppendTime(id[:0], at)
	binary.BigEndian.PutUint32(id[rejectTimeBytes:], tag)
	binary.BigEndian.PutUint32(id[rejectTimeBytes+rejectTagBytes:], random)
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

func (s *Space) sameReject(r *Reject) (same sameReject) {
	text := make([]byte, 0, len(r.Source)+len(r.Code)+len(r.Endpoint)+len(r.Body)+3)
	for _, part := range [...]string{r.Source, r.Code, r.Endpoint} {
		text = append(append(text, part...), 0)
	}
	a, b := siphash.Hash128(s.hashKey[0], s.hashKey[1], append(text, r.Body...))
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

// rejectDesk is what one commit does with refused messages.
type rejectDesk struct {
	delta rejectCounts
	open  map[sameReject]*openReject // of this commit
	heads map[rejectID]*rejectRecord // to be put
}

// takeRejects keeps the refused messages of deliveries and removes those that
// they send again.
func (s *Space) takeRejects(c *commit, ws []*ingestRequest, now time.Time) error {
	var list []*Reject
	var resolved []rejectID
	for _, e := range c.used {
		list = append(list, e.rejectUsed())
	}
	for _, w := range ws {
		if w.hasDeferred() {
			continue
		}
		for i := range w.delivery.Rejects {
			r := &w.delivery.Rejects[i]
			if r.ReceivedAt == 0 {
				r.ReceivedAt = now.UnixNano()
			}
			if r.Source == "" {
				r.Source = w.delivery.Source
			}
			list = append(list, r)
		}
		for _, text := range w.delivery.Resolves {
			if id, ok := parseRejectID(text); ok {
				resolved = append(resolved, id)
			}
		}
	}
	if len(list)+len(resolved) == 0 {
		s.stageRejectCounts(c, nil)
		return nil
	}
	d := &rejectDesk{delta: rejectCounts{}, open: map[sameReject]*openReject{}, heads: map[rejectID]*rejectRecord{}}
	if err := s.keepRejects(c, d, list); err != nil {
		return err
	}
	if err := s.dropRejects(c, d, resolved); err != nil {
		return err
	}
	for id, head := range d.heads {
		c.Batch.Put(rejectKey(codec.Rejects, c.Keys(), id), head.append(nil))
	}
	c.openRejects = d.open
	s.stageRejectCounts(c, d.delta)
	return nil
}

// keepRejects keeps refused messages: those that are like one of the last hour
// are counted there.
func (s *Space) keepRejects(c *commit, d *rejectDesk, list []*Reject) error {
	if len(list) == 0 {
		return nil
	}
	// The records of an earlier commit that may count some of them.
	same := make([]sameReject, len(list))
	var asked []rejectID
	for i, r := range list {
		same[i] = s.sameReject(r)
		if o, ok := s.openRejects.Get(same[i]); ok && d.open[same[i]] == nil && r.ReceivedAt-o.since < int64(sameRejectTime) {
			d.open[same[i]] = &openReject{o.id, o.since}
			asked = append(asked, o.id)
		}
	}
	if err := s.loadRejects(c, d, asked); err != nil {
		return err
	}
	for i, r := range list {
		if r.Code != string(event.TimestampUnread) {
			c.rejects++ // the other is a note on a message that was taken
		}
		key := rejectKind{strings.Clone(r.Source), strings.Clone(r.Code)}
		if o := d.open[same[i]]; o != nil && d.heads[o.id] != nil {
			head := d.heads[o.id]
			head.Count++
			head.LastAt = max(head.LastAt, r.ReceivedAt)
			d.delta.add(key, rejectCount{messages: 1})
			continue
		}
		body := r.packed
		if body == nil {
			body = s.packReject(r.Body)
		}
		head := &rejectRecord{Reject: *r, stored: int64(len(body))}
		head.Body, head.packed, head.Count, head.LastAt = nil, nil, 1, r.ReceivedAt
		id := newRejectID(r.ReceivedAt, s.rejectTag(r.Source))
		c.Batch.Put(rejectKey(codec.RejectBodies, c.Keys(), id), body)
		d.heads[id] = head
		d.open[same[i]] = &openReject{id, r.ReceivedAt}
		d.delta.add(key, rejectCount{records: 1, messages: 1, bytes: head.size()})
	}
	return nil
}

// loadRejects reads the records of rejects that are there.
func (s *Space) loadRejects(c *commit, d *rejectDesk, ids []rejectID) error {
	if len(ids) == 0 {
		return nil
	}
	keys := make([][]byte, len(ids))
	for i, id := range ids {
		keys[i] = rejectKey(codec.Rejects, c.Keys(), id)
	}
	values, err := c.Get(keys)
	if err != nil {
		return err
	}
	for i, v := range values {
		if v == nil {
			continue // it was sent again, or made room
		}
		head, err := decodeReject(ids[i], v)
		if err != nil {
			return err
		}
		d.heads[ids[i]] = &head
	}
	return nil
}

// dropRejects removes what a delivery sends again.
func (s *Space) dropRejects(c *commit, d *rejectDesk, ids []rejectID) error {
	slices.SortFunc(ids, func(a, b rejectID) int { return bytes.Compare(a[:], b[:]) })
	ids = slices.Compact(ids)
	var asked []rejectID
	for _, id := range ids {
		if d.heads[id] == nil {
			asked = append(asked, id)
		}
	}
	if err := s.loadRejects(c, d, asked); err != nil {
		return err
	}
	for _, id := range ids {
		head := d.heads[id]
		if head == nil {
			continue // sent again before
		}
		delete(d.heads, id)
		c.Batch.Delete(rejectKey(codec.Rejects, c.Keys(), id))
		c.Batch.Delete(rejectKey(codec.RejectBodies, c.Keys(), id))
		d.delta.add(rejectKind{head.Source, head.Code}, rejectCount{-1, -head.Count, -head.size()})
	}
	return nil
}
