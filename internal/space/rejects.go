package space

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// A reject's ID is its time of receipt and some random bytes, in hexadecimal, so
// that IDs sort by time.
const rejectIDBytes = 8 + 6

// maxRejectBody is how much of a refused body is kept.
const maxRejectBody = 64 << 10

// rejectKey is what kept rejects are counted by.
type rejectKey struct{ source, code string }

// rejectCounts is how many rejects one lane has added, less those it removed.
// The sum over lanes is the number of those that are kept.
type rejectCounts map[rejectKey]int64

func (k keyspace) reject(id []byte) []byte { return k.key(kindReject, id) }

func (k keyspace) rejectCount(lane uint64, c rejectKey) []byte {
	return k.key(kindRejectCount, binary.BigEndian.AppendUint64(nil, lane), []byte(c.source), []byte{0}, []byte(c.code))
}

func (r *Reject) append(b []byte) []byte {
	b = append(b, 1)
	for _, s := range [...]string{r.Source, r.Code, r.Message, r.MessageID, r.Type, r.Endpoint} {
		b = appendString(b, s)
	}
	b = binary.AppendVarint(binary.AppendVarint(b, r.ReceivedAt), r.SentAt)
	return append(b, r.Body[:min(len(r.Body), maxRejectBody)]...)
}

func decodeReject(id, b []byte) (Reject, error) {
	r := &reader{b: b}
	r.version(1)
	rej := Reject{
		ID: hex.EncodeToString(id), Source: r.string(), Code: r.string(), Message: r.string(),
		MessageID: r.string(), Type: r.string(), Endpoint: r.string(), ReceivedAt: r.varint(), SentAt: r.varint(),
	}
	rej.Body = bytes.Clone(r.b)
	return rej, r.err
}

// takeRejects keeps the refused messages of deliveries and removes those that
// they send again.
func (s *Space) takeRejects(c *commitPlan, ws []*work, now time.Time) error {
	d := c.desk
	delta := map[rejectKey]int64{}
	var keys [][]byte
	for _, w := range ws {
		if w.waits() {
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
			id := make([]byte, 6, rejectIDBytes)
			rand.Read(id) // never fails, see crypto/rand
			id = append(appendTime(make([]byte, 0, rejectIDBytes), r.ReceivedAt), id...)
			c.batch.Put(d.keys.reject(id), r.append(nil))
			delta[rejectKey{strings.Clone(r.Source), strings.Clone(r.Code)}]++
			c.rejects++
		}
		for _, text := range w.delivery.Resolves {
			if id, err := hex.DecodeString(text); err == nil && len(id) == rejectIDBytes {
				keys = append(keys, d.keys.reject(id))
			}
		}
	}
	if len(keys) > 0 {
		slices.SortFunc(keys, bytes.Compare)
		keys = slices.CompactFunc(keys, bytes.Equal)
		values, err := d.get(keys)
		if err != nil {
			return err
		}
		for i, v := range values {
			if v == nil {
				continue // sent again before
			}
			r, err := decodeReject(keys[i][len(d.keys)+1:], v)
			if err != nil {
				return err
			}
			c.batch.Delete(keys[i])
			delta[rejectKey{r.Source, r.Code}]--
		}
	}
	s.stageRejectCounts(c, delta)
	return nil
}

func (r rejectCounts) landed(c *commitPlan) {
	for k, n := range c.counts {
		if r[k] += n; r[k] == 0 {
			delete(r, k)
		}
	}
}

// readRejectCounts reads what one lane counted, or all lanes together if lane
// is 0.
func readRejectCounts(ctx context.Context, r kv.Reader, keys keyspace, lane uint64) (rejectCounts, error) {
	from := keys.key(kindRejectCount)
	if lane != 0 {
		from = keys.number(kindRejectCount, lane)
	}
	head := len(keys) + 1 + 8
	end := kv.PrefixEnd(from)
	counts := rejectCounts{}
	for {
		page, err := r.Scan(ctx, from, end, scanPage, false)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			source, code, _ := strings.Cut(string(e.Key[head:]), "\x00")
			n, size := binary.Varint(e.Value)
			if size <= 0 {
				return nil, kv.ErrCorrupt
			}
			counts[rejectKey{source, code}] += n
		}
		if len(page) < scanPage {
			return counts, nil
		}
		from = kv.After(page[len(page)-1].Key)
	}
}

// Rejects lists refused messages that are kept, the newest first. ErrBadCursor
// if q.Next is not one of ours.
func (s *Space) Rejects(ctx context.Context, q RejectQuery) (RejectPage, error) {
	from := s.keys.key(kindReject)
	end := kv.PrefixEnd(from)
	if q.Next != "" {
		id, err := hex.DecodeString(q.Next)
		if err != nil || len(id) != rejectIDBytes {
			return RejectPage{}, ErrBadCursor
		}
		end = s.keys.reject(id)
	}
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return RejectPage{}, err
	}
	defer r.Close()
	limit := min(max(q.Limit, 1), 1000)
	var page RejectPage
	for {
		entries, err := r.Scan(ctx, from, end, 64, true)
		if err != nil {
			return RejectPage{}, err
		}
		for _, e := range entries {
			rej, err := decodeReject(e.Key[len(s.keys)+1:], e.Value)
			if err != nil {
				return RejectPage{}, err
			}
			end = e.Key
			if q.Source != "" && rej.Source != q.Source || q.Code != "" && rej.Code != q.Code {
				continue
			}
			if len(page.Rejects) == limit {
				page.Next = page.Rejects[limit-1].ID
				return page, nil
			}
			page.Rejects = append(page.Rejects, rej)
		}
		if len(entries) < 64 {
			return page, nil
		}
	}
}

// Reject reads one refused message; ErrNotFound if it is not kept.
func (s *Space) Reject(ctx context.Context, id string) (Reject, error) {
	raw, err := hex.DecodeString(id)
	if err != nil || len(raw) != rejectIDBytes {
		return Reject{}, ErrNotFound
	}
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return Reject{}, err
	}
	defer r.Close()
	got, err := r.Get(ctx, s.keys.reject(raw))
	if err != nil {
		return Reject{}, err
	}
	if got[0] == nil {
		return Reject{}, ErrNotFound
	}
	return decodeReject(raw, got[0])
}

// RejectCounts counts the kept rejects by source and code, exactly.
func (s *Space) RejectCounts(ctx context.Context) ([]RejectCount, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	counts, err := readRejectCounts(ctx, r, s.keys, 0)
	if err != nil {
		return nil, err
	}
	out := make([]RejectCount, 0, len(counts))
	for k, n := range counts {
		if n != 0 {
			out = append(out, RejectCount{k.source, k.code, n})
		}
	}
	slices.SortFunc(out, func(a, b RejectCount) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Code, b.Code))
	})
	return out, nil
}
