package deliver

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// entry is a message in the queue.
type entry struct {
	Message Message       `json:"m"`
	Seq     uint64        `json:"-"` // its number
	Lane    identity.Hash `json:"l"`
	Name    string        `json:"n,omitempty"` // of the subscription, for messages that tell a value
	// Before is what the ledger had before this message.
	Before laterSaid `json:"b,omitzero"`
	// After is a message of another lane that has to be gone first; 0: none.
	After uint64 `json:"a,omitempty"`
	// Begun means that a try may be under way, or may have been when the process ended:
	// the message is not replaced any more.
	Begun bool `json:"g,omitempty"`
	// Maybe means that the answer of a try was lost: it may have been delivered. It is tried
	// until that is known, whatever is so by then, for what is newer is no repetition only if
	// it was.
	Maybe  bool   `json:"u,omitempty"`
	Tries  int    `json:"t,omitempty"`
	First  int64  `json:"f,omitempty"` // the first try, ns since 1970
	Next   int64  `json:"x"`           // the next try, ns since 1970
	Reason string `json:"r,omitempty"` // why the last try failed
}

// laterSaid is said, as it is kept in a message.
type laterSaid struct {
	Value   json.RawMessage `json:"v,omitempty"`
	Pending uint64          `json:"p,omitempty"`
}

func (e *entry) encode() ([]byte, error) { return json.Marshal(e) }

func decodeEntry(seq uint64, b []byte) (*entry, error) {
	e := &entry{Seq: seq}
	if err := json.Unmarshal(b, e); err != nil {
		return nil, fmt.Errorf("%w: message %d of a destination: %w", kv.ErrCorrupt, seq, err)
	}
	return e, nil
}

// A row of the ledger is version(1) pending value: a uvarint, and the rest.
const ledgerVersion = 1

func encodeSaid(s said) []byte {
	b := binary.AppendUvarint([]byte{ledgerVersion}, s.Pending)
	return append(b, s.Value...)
}

func decodeSaid(b []byte) (said, error) {
	r := codec.Reader{Rest: b}
	r.Version(ledgerVersion)
	s := said{Pending: r.Uvarint()}
	if r.Err != nil {
		return said{}, fmt.Errorf("ledger: %w", r.Err)
	}
	if len(r.Rest) > 0 {
		s.Value = append(s.Value, r.Rest...)
	}
	return s, nil
}

// state is how far a destination is.
type state struct {
	Cursor string `json:"cursor"` // of the feed
	Seq    uint64 `json:"seq"`    // the last message
	Queued int64  `json:"queued"` // messages that wait
	// Known are the names whose baseline is in the ledger. One that is false was not
	// followed for a while, and has to catch up.
	Known map[string]bool `json:"known"`
	// Hears are the identifiers of the definition that the baseline was taken for.
	Hears []string `json:"hears,omitempty"`
	// Baseline is the one that is being taken.
	Baseline *baseline `json:"baseline,omitempty"`
	// Events is the cursor at whose end the events are that were queued already, and how
	// many of them were.
	Events     string `json:"events,omitempty"`
	EventsDone int    `json:"events_done,omitempty"`
	// Leaving are names that are subscribed no more and still in the ledger.
	Leaving *leaving `json:"leaving,omitempty"`
	// Tried are messages, delivered at most once, that a try may have reached.
	Tried   []uint64 `json:"tried,omitempty"`
	Dead    int64    `json:"dead,omitempty"` // dead letters
	Stopped *Stopped `json:"stopped,omitempty"`
	// Hour counts deliveries of one hour, for Limits.Hour.
	Hour      int64 `json:"hour,omitempty"` // its beginning, ns since 1970
	HourCount int   `json:"hour_count,omitempty"`

	Counts Counts `json:"counts"`
}

// baseline is how far one is taken.
type baseline struct {
	Names []string `json:"names"`
	// CatchUp: what differs from what was said before is said, also to those of whom
	// nothing is true any more.
	CatchUp bool   `json:"catch_up,omitempty"`
	After   string `json:"after"` // the last profile
	Done    int64  `json:"done"`  // profiles
	// At is when it was begun, ns since 1970. What becomes so later is said, although its
	// profile is walked after that.
	At int64 `json:"at,omitempty"`
}

// leaving is how far the ledger is cleared of names.
type leaving struct {
	Names []string `json:"names"`
	After []byte   `json:"after"` // the last key of the ledger
}

// Stopped says why a destination is left alone until people enable it again.
type Stopped struct {
	Reason string `json:"reason"`
	At     int64  `json:"at"` // ns since 1970
	// Revision is that of the definition under which it was stopped.
	Revision uint64 `json:"revision"`
}

// Counts are what became of the messages of a destination since it was made.
type Counts struct {
	Delivered int64 `json:"delivered"`
	Refused   int64 `json:"refused"`  // dead letters: refused, or given up
	Dropped   int64 `json:"dropped"`  // not sent, with a reason: unsubscribed, at most 2 in 7d, …
	Unknown   int64 `json:"unknown"`  // may have been delivered
	Replaced  int64 `json:"replaced"` // by something newer, before they were tried
	Failures  int64 `json:"failures"` // tries that failed

	LastDelivered int64  `json:"last_delivered,omitempty"` // ns since 1970
	LastFailed    int64  `json:"last_failed,omitempty"`
	LastReason    string `json:"last_reason,omitempty"`
}
