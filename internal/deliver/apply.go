package deliver

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// definitionRecord is a definition as it lies in the store.
type definitionRecord struct {
	Number   uint32 `json:"number"`
	Revision uint64 `json:"revision"` // counts the changes of this destination
	Text     string `json:"text"`     // YAML, without secrets
	SetAt    int64  `json:"set_at"`   // ns since 1970
	SetBy    string `json:"set_by"`
	SetFor   string `json:"set_for,omitempty"`
	Why      string `json:"why,omitempty"`
}

// Plan is what applying definitions changes: keys of destinations, in order.
type Plan struct {
	Added   []string `json:"added"`
	Changed []string `json:"changed"`
	Removed []string `json:"removed"`
}

// Empty reports whether nothing changes.
func (p *Plan) Empty() bool { return len(p.Added)+len(p.Changed)+len(p.Removed) == 0 }

// declared is what the store has of the definitions.
type declared struct {
	records map[string]definitionRecord
	stored  map[string][]byte // the records as they are in the store
	secrets map[string]map[string]string
	last    []byte // the last number given out, as it is in the store
}

// readDeclared reads all definitions.
func (s *Dispatcher) readDeclared(ctx context.Context) (*declared, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	d := &declared{map[string]definitionRecord{}, map[string][]byte{}, map[string]map[string]string{}, nil}
	from, to := codec.Destinations.All(s.keys)
	for {
		page, err := r.Scan(ctx, from, to, 100, false)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			key, ok := codec.Destinations.Parse(e.Key)
			var rec definitionRecord
			if !ok || json.Unmarshal(e.Value, &rec) != nil {
				return nil, fmt.Errorf("%w: the definition of a destination", kv.ErrCorrupt)
			}
			d.records[key], d.stored[key] = rec, e.Value
			v, err := r.Get(ctx, codec.DestinationSecrets.Key(s.keys, key))
			if err != nil {
				return nil, err
			}
			kept := map[string]string{}
			if v[0] != nil && json.Unmarshal(v[0], &kept) != nil {
				return nil, fmt.Errorf("%w: the secrets of the destination %s", kv.ErrCorrupt, key)
			}
			d.secrets[key] = kept
			from = kv.After(e.Key)
		}
		if len(page) < 100 {
			break
		}
	}
	v, err := r.Get(ctx, codec.DestinationNumber.Key(s.keys))
	d.last = v[0]
	return d, err
}

// documentOf is a document of definitions with some of the destinations.
func (d *declared) documentOf(keys ...string) []byte {
	var b strings.Builder
	b.WriteString("destinations:\n")
	for _, key := range keys {
		fmt.Fprintf(&b, "  %s:\n", key)
		for line := range strings.Lines(d.records[key].Text) {
			b.WriteString("    " + line)
		}
	}
	return []byte(b.String())
}

// DestinationsDocument is the document of all destinations, in YAML, with SecretSet for every
// secret. Applied again it changes nothing.
func (s *Dispatcher) DestinationsDocument(ctx context.Context) ([]byte, error) {
	d, err := s.readDeclared(ctx)
	if err != nil {
		return nil, err
	}
	if len(d.records) == 0 {
		return nil, nil
	}
	return d.documentOf(slices.Sorted(maps.Keys(d.records))...), nil
}

// reload brings what runs into line with the store.
func (s *Dispatcher) reload(ctx context.Context) error {
	d, err := s.readDeclared(ctx)
	if err != nil {
		return err
	}
	var stops []*destination
	s.mu.Lock()
	for key, running := range s.destinations {
		if rec, still := d.records[key]; !still || rec.Revision != running.revision || rec.Number != running.number {
			stops = append(stops, running)
			delete(s.destinations, key)
		}
	}
	s.mu.Unlock()
	var wrong error
	for _, one := range stops {
		wrong = errors.Join(wrong, one.stop(ctx))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, rec := range d.records {
		if s.destinations[key] != nil || s.closed {
			continue
		}
		defs, err := Parse(d.documentOf(key), s.kinds, d.secrets)
		if err != nil {
			// It was taken by another version. The others work on.
			s.log.Error("a destination cannot be read", "space", s.space, "destination", key, "error", err)
			continue
		}
		s.destinations[key] = s.start(rec, defs[0])
	}
	return wrong
}

// CheckDestinations says what applying a document would change. ErrInvalid.
func (s *Dispatcher) CheckDestinations(ctx context.Context, text []byte) (*Plan, error) {
	s.applying.Lock()
	defer s.applying.Unlock()
	return s.apply(ctx, text, true)
}

// ApplyDestinations makes the destinations of a document those of the space: what it does
// not name is removed with all that is kept of it. Who asks is in the context, see package
// audit. ErrInvalid; ErrChanged.
func (s *Dispatcher) ApplyDestinations(ctx context.Context, text []byte) (*Plan, error) {
	s.applying.Lock()
	defer s.applying.Unlock()
	return s.apply(ctx, text, false)
}

// apply is both. The caller holds applying.
func (s *Dispatcher) apply(ctx context.Context, text []byte, dry bool) (*Plan, error) {
	was, err := s.readDeclared(ctx)
	if err != nil {
		return nil, err
	}
	defs, err := Parse(text, s.kinds, was.secrets)
	if err != nil {
		return nil, err
	}
	plan := &Plan{}
	var b kv.Batch
	b.Require(codec.DestinationNumber.Key(s.keys), was.last)
	last := uint32(0)
	if len(was.last) == 4 {
		last = binary.BigEndian.Uint32(was.last)
	}
	end := ""
	who := audit.New(ctx, s.now().UnixNano(), "", "", nil)
	stays := map[string]bool{}
	for _, d := range defs {
		stays[d.Key] = true
		old, there := was.records[d.Key]
		rec := definitionRecord{Number: old.Number, Revision: old.Revision + 1, Text: string(d.text), SetAt: who.Time, SetBy: who.By, SetFor: who.For, Why: who.Why}
		switch {
		case !there:
			plan.Added = append(plan.Added, d.Key)
			if end == "" && !dry {
				if end, err = s.source.End(ctx); err != nil {
					return nil, err
				}
			}
			last++
			rec.Number = last
			st, err := json.Marshal(&state{Cursor: end, Hears: d.Identifiers})
			if err != nil {
				return nil, err
			}
			b.Insert(codec.DestinationStates.Key(s.keys, last), st)
		case old.Text == rec.Text && maps.Equal(was.secrets[d.Key], d.secrets):
			continue
		case d.keeps && !sameAddress(old.Text, rec.Text):
			// Otherwise whoever may change a destination could have its secrets sent to him.
			return nil, Mistakes{{Path: "destinations." + d.Key, Text: "leads to another address than before: write its secrets again instead of " + SecretSet + ", they were given for the old one"}}
		default:
			plan.Changed = append(plan.Changed, d.Key)
		}
		if err := s.putDefinition(&b, d, rec, was.stored[d.Key]); err != nil {
			return nil, err
		}
		if err := s.record(ctx, &b, "destination.set", d.Key, definedAs(d, s.readable(was, d.Key), was.secrets[d.Key])); err != nil {
			return nil, err
		}
	}
	var gone []uint32
	for _, key := range slices.Sorted(maps.Keys(was.records)) {
		if !stays[key] {
			plan.Removed = append(plan.Removed, key)
			gone = append(gone, was.records[key].Number)
			b.Require(codec.Destinations.Key(s.keys, key), was.stored[key])
			b.Delete(codec.Destinations.Key(s.keys, key))
			b.Delete(codec.DestinationSecrets.Key(s.keys, key))
			forgetIn(&b, s.keys, was.records[key].Number)
			if err := s.record(ctx, &b, "destination.set", key, defined{Change: "removed"}); err != nil {
				return nil, err
			}
		}
	}
	if dry || plan.Empty() {
		return plan, nil
	}
	b.Put(codec.DestinationNumber.Key(s.keys), binary.BigEndian.AppendUint32(nil, last))
	if err := s.keepVersion(ctx, &b, defs, who); err != nil {
		return nil, err
	}
	if err := s.store.Commit(ctx, &b); errors.Is(err, kv.ErrConflict) {
		return nil, ErrChanged
	} else if err != nil {
		return nil, err
	}
	err = s.reload(ctx)
	for _, number := range gone { // what was under way meanwhile
		err = errors.Join(err, forgetAll(ctx, s.store, s.keys, number))
	}
	return plan, err
}

// readable is a definition that was declared; nil: there is none, or it cannot be read any
// more.
func (s *Dispatcher) readable(was *declared, key string) *Definition {
	if _, there := was.records[key]; !there {
		return nil
	}
	defs, err := Parse(was.documentOf(key), s.kinds, was.secrets)
	if err != nil {
		return nil
	}
	return defs[0]
}

func (s *Dispatcher) putDefinition(b *kv.Batch, d *Definition, rec definitionRecord, old []byte) error {
	v, err := json.Marshal(&rec)
	if err != nil {
		return err
	}
	secrets, err := json.Marshal(d.secrets)
	if err != nil {
		return err
	}
	key := codec.Destinations.Key(s.keys, d.Key)
	b.Require(key, old)
	b.Put(key, bytes.Clone(v))
	b.Put(codec.DestinationSecrets.Key(s.keys, d.Key), secrets)
	return nil
}

// version is one that was applied, as it is kept.
type version struct {
	Document string `json:"document"` // YAML, without secrets
	SetAt    int64  `json:"set_at"`   // ns since 1970
	SetBy    string `json:"set_by"`
	SetFor   string `json:"set_for,omitempty"`
	Why      string `json:"why,omitempty"`
}

// keepVersion puts the version that is applied beside those before it.
func (s *Dispatcher) keepVersion(ctx context.Context, b *kv.Batch, defs []*Definition, who audit.Entry) error {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	from, to := codec.DestinationVersions.All(s.keys)
	last, err := r.Scan(ctx, from, to, 1, true)
	if err != nil {
		return err
	}
	n := uint64(0)
	for _, e := range last {
		n, _ = codec.DestinationVersions.Parse(e.Key)
	}
	now := &declared{records: map[string]definitionRecord{}}
	var keys []string
	for _, d := range defs {
		now.records[d.Key] = definitionRecord{Text: string(d.text)}
		keys = append(keys, d.Key)
	}
	v, err := json.Marshal(&version{string(now.documentOf(keys...)), who.Time, who.By, who.For, who.Why})
	if err == nil {
		b.Insert(codec.DestinationVersions.Key(s.keys, n+1), v)
	}
	return err
}

// EnableDestination lets a destination that was stopped go on.
func (s *Dispatcher) EnableDestination(ctx context.Context, key string) error {
	d, err := s.find(key)
	if err != nil {
		return err
	}
	err = d.change(ctx, func(w *work) error {
		w.st.Stopped = nil
		return s.record(ctx, &w.b, "destination.enable", key, nil)
	})
	d.wake()
	return err
}

// reloadPause is how often a node of a shared store looks for other definitions.
const reloadPause = 2 * time.Second
