package deliver

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Told is one thing that a destination was told of a profile, is going to be told, or
// was not told.
type Told struct {
	Destination, Type string
	State             ToldState
	Result            Result     // of a dead letter
	Seq               uint64     // of a dead letter or a waiting message
	Identifier        Identifier // zero: of a mail, which goes to a person
	Key               string     // "" of merges and events, and of mails
	What              What       // of a message
	Mail              string     // the name of a mail
	MessageID         string     // "" of what was said
	Value             json.RawMessage
	// Since is since when it is so, ns since 1970; 0: not known.
	Since int64
	// At is when a mail was sent, or a message given up, ns since 1970.
	At     int64
	Next   int64 // when a message that waits is tried next, ns since 1970
	Tries  int
	Reason string
}

// ToldState says what became of something to tell.
type ToldState uint8

// The states.
const (
	ToldNow     ToldState = iota + 1 // the last that was said of a key
	ToldByMail                       // a mail was sent, or, rarely, may have been
	ToldWaiting                      // it waits
	ToldNot                          // it is a dead letter
)

const (
	// mostTold bounds what each destination lists of one profile, by state.
	mostTold = 200
	// mostLettersLooked bounds the dead letters that are searched, the newest first.
	mostLettersLooked = 10_000
)

// ToldOf lists what each destination was told of a profile, whose own ID is given: what
// it was told last of each key, the mails that were sent, what waits, and what was not
// delivered. Of each at most mostTold, the newest. ErrNotFound: there is no such profile.
func (s *Dispatcher) ToldOf(ctx context.Context, profile string) ([]Told, error) {
	p, err := s.source.Profile(ctx, profile)
	if err != nil {
		return nil, err
	}
	keys, err := s.source.Keys(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	out := []Told{}
	for _, d := range s.all() {
		l := &listener{d: d, r: r, p: p, ids: append([]string{p.ID}, p.Merged...)}
		for _, list := range []func(context.Context) ([]Told, error){
			l.values, l.mails,
			func(ctx context.Context) ([]Told, error) { return l.waiting(ctx, d.def.subscriptions(keys)) },
			l.letters,
		} {
			told, err := list(ctx)
			if err != nil {
				return nil, err
			}
			out = append(out, told...)
		}
	}
	return out, nil
}

// listener lists what one destination was told of one profile.
type listener struct {
	d   *destination
	r   kv.Reader
	p   *Profile
	ids []string // the profile's own, and those merged into it
}

func (l *listener) one(state ToldState) Told {
	return Told{Destination: l.d.def.Key, Type: l.d.def.Type, State: state}
}

// values lists what the ledger has. What mails were about is in their log.
func (l *listener) values(ctx context.Context) (out []Told, err error) {
	if l.d.limits().AtMostOnce {
		return nil, nil
	}
	ids := l.p.Identifiers[:min(len(l.p.Identifiers), mostTold)]
	ranges := make([]kv.Range, len(ids))
	for i, id := range ids {
		ranges[i].From, ranges[i].To = codec.Under(codec.Ledger.Of2(l.d.on.keys, l.d.number, l.d.hashOf(collectionOf(l.p.ID), id)))
	}
	pages, err := l.r.Scans(ctx, ranges, mostTold, false)
	if err != nil {
		return nil, err
	}
	for i, page := range pages {
		for _, e := range page {
			_, _, name, ok := codec.Ledger.Parse(e.Key)
			if !ok {
				return nil, kv.ErrCorrupt
			}
			s, err := decodeSaid(e.Value)
			if err != nil {
				return nil, err
			}
			if s.Value == nil || s.Pending != 0 && !l.was(ctx, s.Pending) || len(out) == mostTold {
				continue
			}
			t := l.one(ToldNow)
			t.Identifier, t.Key, t.Value = ids[i], name, s.Value
			if now := l.p.Values[name]; bytes.Equal(now.JSON, s.Value) {
				t.Since = now.Since
			}
			out = append(out, t)
		}
	}
	return out, nil
}

// was reports whether a message that says a value is not in the queue any more.
func (l *listener) was(ctx context.Context, seq uint64) bool {
	v, err := l.r.Get(ctx, codec.DeliveryQueue.Key(l.d.on.keys, l.d.number, seq), codec.DeadLetters.Key(l.d.on.keys, l.d.number, seq))
	return err == nil && v[0] == nil && v[1] == nil
}

// mails lists the log of mails.
func (l *listener) mails(ctx context.Context) (out []Told, err error) {
	if !l.d.limits().AtMostOnce {
		return nil, nil
	}
	ranges := make([]kv.Range, len(l.ids))
	for i, id := range l.ids {
		ranges[i].From, ranges[i].To = codec.Under(codec.MailLog.Of2(l.d.on.keys, l.d.number, l.d.on.hash("profile", id)))
	}
	pages, err := l.r.Scans(ctx, ranges, mostTold, true)
	if err != nil {
		return nil, err
	}
	for _, page := range pages {
		for _, e := range page {
			_, _, at, ok := codec.MailLog.Parse(e.Key)
			if !ok {
				return nil, kv.ErrCorrupt
			}
			t := l.one(ToldByMail)
			t.At = at
			id, rest, _ := strings.Cut(string(e.Value), " ")
			t.MessageID, t.Mail = id, rest
			if i := strings.LastIndexByte(rest, ' '); i >= 0 {
				t.Mail = rest[:i]
				t.Since, _ = strconv.ParseInt(rest[i+1:], 10, 64) // our own log
			}
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b Told) int { return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(a.MessageID, b.MessageID)) })
	out = slices.CompactFunc(out, func(a, b Told) bool { return a.MessageID == b.MessageID })
	return out[:min(len(out), mostTold)], nil
}

// waiting lists the messages in the lanes of the profile.
func (l *listener) waiting(ctx context.Context, about map[string]subscribed) (out []Told, err error) {
	names := []string{""}
	for name := range about {
		names = append(names, name)
	}
	lanes := map[identity.Hash]bool{}
	var ranges []kv.Range
	for _, id := range l.ids {
		for _, name := range names {
			if lane := l.d.laneOf(id, name); !lanes[lane] {
				lanes[lane] = true
				from, to := codec.Under(codec.DeliveryLanes.Of2(l.d.on.keys, l.d.number, lane))
				ranges = append(ranges, kv.Range{From: from, To: to})
			}
		}
	}
	pages, err := l.r.Scans(ctx, ranges, mostTold, true)
	if err != nil {
		return nil, err
	}
	var seqs []uint64
	for _, page := range pages {
		for _, e := range page {
			_, _, seq, ok := codec.DeliveryLanes.Parse(e.Key)
			if !ok {
				return nil, kv.ErrCorrupt
			}
			seqs = append(seqs, seq)
		}
	}
	slices.Sort(seqs)
	slices.Reverse(seqs)
	seqs = seqs[:min(len(seqs), mostTold)]
	keys := make([][]byte, len(seqs))
	for i, seq := range seqs {
		keys[i] = codec.DeliveryQueue.Key(l.d.on.keys, l.d.number, seq)
	}
	values, err := l.r.Get(ctx, keys...)
	if err != nil {
		return nil, err
	}
	for i, v := range values {
		if v == nil {
			continue
		}
		e, err := decodeEntry(seqs[i], v)
		if err != nil {
			return nil, err
		}
		t := l.message(ToldWaiting, e)
		t.Next = e.Next
		out = append(out, t)
	}
	return out, nil
}

func (l *listener) message(state ToldState, e *entry) Told {
	t := l.one(state)
	m := &e.Message
	t.Seq, t.Identifier, t.Key, t.What, t.Mail, t.MessageID = e.Seq, m.Identifier, m.Key, m.What, m.Mail, m.ID
	t.Value, t.Since, t.Tries, t.Reason = m.Value, m.At, e.Tries, e.Reason
	return t
}

// letters lists the dead letters of the profile, the newest first.
func (l *listener) letters(ctx context.Context) (out []Told, err error) {
	from, to := codec.Under(codec.DeadLetters.Of(l.d.on.keys, l.d.number))
	for looked := 0; looked < mostLettersLooked && len(out) < mostTold; {
		page, err := l.r.Scan(ctx, from, to, 500, true)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			if !l.names(e.Value) {
				continue
			}
			_, seq, ok := codec.DeadLetters.Parse(e.Key)
			if !ok {
				return nil, kv.ErrCorrupt
			}
			dead, err := decodeDeadLetter(seq, e.Value)
			if err != nil {
				return nil, err
			}
			if slices.Contains(l.ids, dead.Message.Profile) && len(out) < mostTold {
				t := l.message(ToldNot, &dead.entry)
				t.Result, t.Reason, t.At = dead.Result, dead.Why, dead.At
				out = append(out, t)
			}
		}
		if len(page) < 500 {
			break
		}
		looked, to = looked+len(page), page[len(page)-1].Key
	}
	return out, nil
}

// names reports whether a stored message may be of the profile, without reading it.
func (l *listener) names(message []byte) bool {
	return slices.ContainsFunc(l.ids, func(id string) bool { return bytes.Contains(message, []byte(id)) })
}
