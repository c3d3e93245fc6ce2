package codec

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/segmentio/ksuid"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
)

// The kinds of overrides.
const (
	// CannotLink keeps the IDs in different profiles, each from each or, with
	// Parts, those of one part from those of the others.
	CannotLink = "cannot_link"
	// Isolate says that each of the IDs names nobody.
	Isolate = "isolate"
	// Drop cuts an ID from one strand.
	Drop = "drop"
	// Same says that two IDs are of one profile, whatever was seen of them.
	Same = "same"
)

// Override is what people decided about identities. It holds until it is
// removed, whatever arrives, is imported or replayed.
type Override struct {
	ID         string
	Kind       string
	Collection identity.Collection
	IDs        []identity.ID
	// Parts say how many of the IDs, in their order, are one part, with a
	// CannotLink between parts of a profile that was split; nil: each ID is one.
	Parts  []int
	Strand identity.Hash // with Drop
	// MessageID is the event whose merge was split, with a CannotLink that was
	// asked for that way.
	MessageID string
	At        int64 // nanoseconds since 1970
	By        string
	For       string // the person who used the token, as their client said
	Why       string

	// NotAtWork is why a Same that is listed does not hold: one of its IDs names
	// nobody, or what it would tie together is kept apart. "": it holds.
	NotAtWork string
}

// overrideRecord is an Override as it is stored.
type overrideRecord struct {
	ID         string        `json:"id"`
	Kind       string        `json:"kind"`
	Collection string        `json:"collection"`
	IDs        []identity.ID `json:"ids"`
	Parts      []int         `json:"parts,omitempty"`
	Strand     string        `json:"strand,omitempty"`
	MessageID  string        `json:"message_id,omitempty"`
	At         int64         `json:"at"`
	By         string        `json:"by"`
	For        string        `json:"for,omitempty"`
	Why        string        `json:"why,omitempty"`
}

// Encode is the override as it is stored.
func (o *Override) Encode() ([]byte, error) {
	rec := overrideRecord{
		ID: o.ID, Kind: o.Kind, Collection: o.Collection.String(), IDs: o.IDs, Parts: o.Parts,
		MessageID: o.MessageID, At: o.At, By: o.By, For: o.For, Why: o.Why,
	}
	if o.Kind == Drop {
		rec.Strand = o.Strand.String()
	}
	return json.Marshal(rec)
}

// Detail is the record as the audit trail tells it.
func (o *Override) Detail() any {
	ids := make([]string, len(o.IDs))
	for i, id := range o.IDs {
		ids[i] = id.String()
	}
	d := struct {
		Kind       string   `json:"kind"`
		Collection string   `json:"collection"`
		IDs        []string `json:"ids"`
		Parts      []int    `json:"parts,omitempty"`
		Strand     string   `json:"strand,omitempty"`
		MessageID  string   `json:"message_id,omitempty"`
	}{o.Kind, o.Collection.String(), ids, o.Parts, "", o.MessageID}
	if o.Kind == Drop {
		d.Strand = o.Strand.String()
	}
	return d
}

// DecodeOverride reads an override as it is stored; kv.ErrCorrupt if it cannot be one.
func DecodeOverride(b []byte) (Override, error) {
	var rec overrideRecord
	if err := json.Unmarshal(b, &rec); err != nil {
		return Override{}, fmt.Errorf("%w: an override cannot be read: %w", kv.ErrCorrupt, err)
	}
	c, ok := identity.ParseCollection(rec.Collection)
	if !ok {
		return Override{}, fmt.Errorf("%w: an override of collection %q", kv.ErrCorrupt, rec.Collection)
	}
	o := Override{
		ID: rec.ID, Kind: rec.Kind, Collection: c, IDs: rec.IDs, Parts: rec.Parts,
		MessageID: rec.MessageID, At: rec.At, By: rec.By, For: rec.For, Why: rec.Why,
	}
	total := 0
	for _, n := range o.Parts {
		total += n
	}
	if o.Kind == Same && len(o.IDs) != 2 {
		return Override{}, fmt.Errorf("%w: an override of two IDs has %d", kv.ErrCorrupt, len(o.IDs))
	}
	if o.Parts != nil && total != len(o.IDs) {
		return Override{}, fmt.Errorf("%w: the parts of an override are not its IDs", kv.ErrCorrupt)
	}
	if rec.Strand != "" {
		if o.Strand, ok = ParseStrand(rec.Strand); !ok {
			return Override{}, fmt.Errorf("%w: an override of strand %q", kv.ErrCorrupt, rec.Strand)
		}
	}
	return o, nil
}

// ParseStrand reads a strand's hash as it is written: 32 hexadecimal digits.
func ParseStrand(text string) (h identity.Hash, ok bool) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(h) {
		return h, false
	}
	copy(h[:], b)
	return h, true
}

// NewOverrideID makes an ID that sorts by the time it was made, in nanoseconds
// since 1970.
func NewOverrideID(now int64) string {
	payload := make([]byte, 16)
	rand.Read(payload[4:]) // never fails, see crypto/rand
	binary.BigEndian.PutUint32(payload, uint32(now%int64(time.Second)))
	id, err := ksuid.FromParts(time.Unix(0, now), payload)
	if err != nil {
		panic(err) // the payload has its length
	}
	return "ovr_" + id.String()
}

// end is the index behind the part of the ID with an index.
func (o *Override) end(k int) int {
	end := 0
	for _, n := range o.Parts {
		if end += n; end > k {
			return end
		}
	}
	return k + 1
}

// Says reports whether an override says all that another one of its kind says.
func (o *Override) Says(other *Override) bool {
	at := make([]int, len(other.IDs))
	for i, id := range other.IDs {
		if at[i] = slices.Index(o.IDs, id); at[i] < 0 {
			return false
		}
	}
	if o.Kind != CannotLink {
		return true
	}
	for i := range at {
		for k := other.end(i); k < len(at); k++ {
			if o.end(at[i]) == o.end(at[k]) {
				return false // they may be together under this one
			}
		}
	}
	return true
}

// Pair is what a Same ties together.
func (o *Override) Pair(h identity.Hasher) identity.Pair {
	known := func(id identity.ID) identity.Known {
		return identity.Known{ID: id, Hash: h.ID(o.Collection, id)}
	}
	return identity.NewPair(known(o.IDs[0]), known(o.IDs[1]))
}

// AddTo adds what the override says to those that an engine goes by.
func (o *Override) AddTo(set *identity.Overrides, h identity.Hasher) {
	if o.Kind == Same {
		p := o.Pair(h)
		set.Same(p.A, p.B)
		return
	}
	for k, id := range o.IDs {
		a := h.ID(o.Collection, id)
		switch o.Kind {
		case CannotLink:
			for _, other := range o.IDs[o.end(k):] {
				set.CannotLink(a, h.ID(o.Collection, other))
			}
		case Isolate:
			set.Isolate(a)
		case Drop:
			set.Drop(o.Strand, a)
		}
	}
}
