package space

import (
	"context"
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
	"github.com/selfsame-id/selfsame/internal/space/codec"
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

func (o *Override) record() overrideRecord {
	rec := overrideRecord{
		ID: o.ID, Kind: o.Kind, Collection: o.Collection.String(), IDs: o.IDs, Parts: o.Parts,
		MessageID: o.MessageID, At: o.At, By: o.By, For: o.For, Why: o.Why,
	}
	if o.Kind == Drop {
		rec.Strand = o.Strand.String()
	}
	return rec
}

// detail is the record as the audit trail tells it.
func (o *Override) detail() any {
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

func decodeOverride(b []byte) (Override, error) {
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
		var err error
		if o.Strand, err = ParseStrand(rec.Strand); err != nil {
			return Override{}, fmt.Errorf("%w: an override of strand %q", kv.ErrCorrupt, rec.Strand)
		}
	}
	return o, nil
}

// ParseStrand reads a strand's hash as it is written: 32 hexadecimal digits.
func ParseStrand(text string) (h identity.Hash, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(h) {
		return h, fmt.Errorf("%w: %q is no strand; it is written as 32 hexadecimal digits", ErrInvalid, text)
	}
	copy(h[:], b)
	return h, nil
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

// overrideSet is the overrides at work. It is never changed.
type overrideSet struct {
	revision uint64 // of rulesRecord
	identity *identity.Overrides
	all      OverrideList
}

// newOverrideSet compiles overrides.
func newOverrideSet(h identity.Hasher, revision uint64, all []Override) *overrideSet {
	set := &overrideSet{revision: revision, all: all}
	if len(all) == 0 {
		return set
	}
	set.identity = &identity.Overrides{}
	for i := range all {
		o := &all[i]
		if o.Kind == Same {
			p := o.pair(h)
			set.identity.Same(p.A, p.B)
			continue
		}
		for k, id := range o.IDs {
			a := h.ID(o.Collection, id)
			switch o.Kind {
			case CannotLink:
				for _, other := range o.IDs[o.end(k):] {
					set.identity.CannotLink(a, h.ID(o.Collection, other))
				}
			case Isolate:
				set.identity.Isolate(a)
			case Drop:
				set.identity.Drop(o.Strand, a)
			}
		}
	}
	return set
}

// MostOverrides bounds the overrides of a space; people make them, one by one.
const MostOverrides = 100_000

// readOverrides reads all overrides of a snapshot.
func readOverrides(ctx context.Context, r kv.Reader, keys codec.Keyspace) ([]Override, error) {
	var all []Override
	err := each(ctx, r, keys, codec.Overrides, scanPage, func(e kv.Entry) error {
		o, err := decodeOverride(e.Value)
		all = append(all, o)
		return err
	})
	return all, err
}

// loadOverrides makes the overrides of a snapshot, whose rules record has a
// revision, the ones at work.
func (s *Space) loadOverrides(ctx context.Context, r kv.Reader, revision uint64) error {
	if s.overrides.Load().revision == revision {
		return nil
	}
	all, err := readOverrides(ctx, r, s.keys)
	if err != nil {
		return err
	}
	s.overrides.Store(newOverrideSet(s.hasher, revision, all))
	return nil
}

// OverridePage is a page of overrides; Next is "" on the last.
type OverridePage struct {
	Overrides []Override
	Revision  uint64 // moves with every change of an override
	Next      string
}

// Overrides lists the overrides at work, the newest first, limit of them (1 to
// 1000).
func (s *Space) Overrides(ctx context.Context, limit int, next string) (OverridePage, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return OverridePage{}, err
	}
	defer r.Close()
	rec, _, err := s.storedRules(ctx, r)
	if err != nil {
		return OverridePage{}, err
	}
	page := OverridePage{Revision: rec.Overrides}
	from, end := codec.Overrides.All(s.keys)
	if next != "" {
		end = codec.Overrides.Key(s.keys, next)
	}
	entries, err := r.Scan(ctx, from, end, limit+1, true)
	if err != nil {
		return OverridePage{}, err
	}
	for i, e := range entries {
		if i == limit {
			page.Next = page.Overrides[limit-1].ID
			break
		}
		o, err := decodeOverride(e.Value)
		if err != nil {
			return OverridePage{}, err
		}
		o.NotAtWork = s.notAtWork(&o)
		page.Overrides = append(page.Overrides, o)
	}
	return page, nil
}

// Override reads one override and the revision of all. ErrNotFound if there is
// none of that ID.
func (s *Space) Override(ctx context.Context, id string) (Override, uint64, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return Override{}, 0, err
	}
	defer r.Close()
	rec, _, err := s.storedRules(ctx, r)
	if err != nil {
		return Override{}, 0, err
	}
	got, err := r.Get(ctx, codec.Overrides.Key(s.keys, id))
	if err != nil {
		return Override{}, 0, err
	}
	if got[0] == nil {
		return Override{}, 0, fmt.Errorf("override %q: %w", id, ErrNotFound)
	}
	o, err := decodeOverride(got[0])
	if err == nil {
		o.NotAtWork = s.notAtWork(&o)
	}
	return o, rec.Overrides, err
}

// storedRules reads the record of the rules of a snapshot.
func (s *Space) storedRules(ctx context.Context, r kv.Reader) (rulesRecord, []byte, error) {
	got, err := r.Get(ctx, codec.Rules.Key(s.keys))
	if err != nil {
		return rulesRecord{}, nil, err
	}
	rec, err := decodeRules(got[0])
	return rec, got[0], err
}

// pair is what a Same ties together.
func (o *Override) pair(h identity.Hasher) identity.Pair {
	known := func(id identity.ID) identity.Known {
		return identity.Known{ID: id, Hash: h.ID(o.Collection, id)}
	}
	return identity.NewPair(known(o.IDs[0]), known(o.IDs[1]))
}

// notAtWork says why an override does not hold, see Override.
func (s *Space) notAtWork(o *Override) string {
	if o.Kind != Same {
		return ""
	}
	p := o.pair(s.hasher)
	rs := s.rules.Load()
	for _, l := range s.overrides.Load().identity.NotAtWork(rs, p.A.Hash) {
		if l.Pair == p {
			return l.Reason.String()
		}
	}
	return ""
}
