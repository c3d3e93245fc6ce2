package truth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/computed"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// Source is a deliver.Source over a space and what is computed of it.
type Source struct {
	space    *space.Space
	computed *computed.Computed
}

// New makes the source of a space.
func New(s *space.Space, c *computed.Computed) *Source { return &Source{s, c} }

var _ deliver.Source = (*Source)(nil)

// Feed implements deliver.Source.
func (s *Source) Feed(ctx context.Context, cursor string, limit int) ([]feed.Record, string, error) {
	after, err := feed.ParseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	v, err := s.space.View(ctx)
	if err != nil {
		return nil, "", err
	}
	defer v.Close()
	records, after, err := feed.Read(ctx, v.Reader(), v.Keys(), after, limit)
	return records, after.String(), err
}

// End implements deliver.Source.
func (s *Source) End(ctx context.Context) (string, error) {
	v, err := s.space.View(ctx)
	if err != nil {
		return "", err
	}
	defer v.Close()
	end, err := feed.End(ctx, v.Reader(), v.Keys())
	return end.String(), err
}

// Keys implements deliver.Source.
func (s *Source) Keys(ctx context.Context) ([]deliver.Key, error) {
	known, err := s.computed.KnownDefinitions(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]deliver.Key, 0, len(known))
	for _, d := range known {
		k := deliver.Key{Name: d.Key, Class: deliver.Trait, Complete: d.Complete}
		if d.Audience {
			k.Class = deliver.Audience
		}
		out = append(out, k)
	}
	return out, nil
}

// Profile implements deliver.Source.
func (s *Source) Profile(ctx context.Context, id string) (*deliver.Profile, error) {
	_, collection, ok := codec.ParseProfileID(id)
	if !ok {
		return nil, deliver.ErrNotFound
	}
	return s.read(ctx, space.Ref{Collection: collection, Type: "segment_id", Value: id})
}

// Profiles implements deliver.Source.
func (s *Source) Profiles(ctx context.Context, ids []string, dated func(key string) bool) ([]*deliver.Profile, error) {
	people, err := s.computed.Followed(ctx, ids, dated)
	if err != nil {
		return nil, err
	}
	return profilesOf(people), nil
}

// Owner implements deliver.Source.
func (s *Source) Owner(ctx context.Context, collection string, id deliver.Identifier) (*deliver.Profile, error) {
	c, ok := identity.ParseCollection(collection)
	if !ok {
		return nil, deliver.ErrNotFound
	}
	return s.read(ctx, space.Ref{Collection: c, Type: id.Type, Value: id.Value})
}

func (s *Source) read(ctx context.Context, ref space.Ref) (*deliver.Profile, error) {
	p, err := s.computed.Person(ctx, ref)
	if errors.Is(err, space.ErrNotFound) {
		return nil, fmt.Errorf("%w: %w", deliver.ErrNotFound, err)
	}
	if err != nil {
		return nil, err
	}
	return profileOf(p), nil
}

// Walk implements deliver.Source.
func (s *Source) Walk(ctx context.Context, after string, limit int, all bool) ([]*deliver.Profile, string, error) {
	people, next, err := s.computed.People(ctx, after, limit, all)
	if err != nil {
		return nil, "", err
	}
	return profilesOf(people), next, nil
}

func profilesOf(people []*computed.Person) []*deliver.Profile {
	out := make([]*deliver.Profile, len(people))
	for i, p := range people {
		out[i] = profileOf(p)
	}
	return out
}

func profileOf(p *computed.Person) *deliver.Profile {
	out := &deliver.Profile{
		ID: p.ID, Merged: p.Merged, Values: map[string]deliver.Value{}, Traits: map[string]json.RawMessage{}, TraitSources: map[string]string{},
	}
	for _, id := range p.Identifiers {
		out.Identifiers = append(out.Identifiers, deliver.Identifier{Type: id.Type, Value: id.Value})
	}
	for i := range p.Traits {
		t := &p.Traits[i]
		out.Traits[t.Name], out.TraitSources[t.Name] = t.Value, t.Source
	}
	for _, t := range p.Computed {
		out.Values[t.Key] = deliver.Value{JSON: t.JSON, Since: t.Since}
	}
	for _, a := range p.Audiences {
		out.Values[a.Key] = deliver.Value{JSON: json.RawMessage("true"), Since: a.Since}
	}
	return out
}

// Events implements deliver.Source.
func (s *Source) Events(ctx context.Context, blocks []event.Block, f func(*deliver.StoredEvent) error) error {
	v, err := s.space.View(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	for _, id := range blocks {
		b, err := journal.Read(ctx, v.Reader(), v.Keys(), id)
		if err != nil {
			return err
		}
		if err := eventsOf(v, b, f); err != nil {
			return err
		}
	}
	return nil
}

// eventsOf calls f for the events of a block that can be read.
func eventsOf(v *space.View, b *journal.Block, f func(*deliver.StoredEvent) error) error {
	var strands []identity.Hash
	for i := range b.Heads {
		if h := &b.Heads[i]; h.HasUser {
			strands = append(strands, h.User)
		} else if h.HasAccount {
			strands = append(strands, h.Account)
		}
	}
	owners, err := computed.Owners(v, strands)
	if err != nil {
		return err
	}
	for i := range b.Heads {
		h := &b.Heads[i]
		if h.Type == 0 {
			continue // erased
		}
		e, _, state := b.Event(i)
		if state != journal.Whole {
			continue
		}
		body, err := complete(&e)
		if err != nil {
			continue // it was taken when it was no object any more: it is damaged
		}
		out := &deliver.StoredEvent{Body: body, MessageID: e.MessageID, Type: e.Type.String(), Name: e.Name, Source: e.Source, Time: e.Time}
		switch {
		case h.HasUser:
			if p, owned := owners[h.User]; owned {
				out.Profile = p.Text(identity.Users)
			}
		case h.HasAccount:
			if p, owned := owners[h.Account]; owned {
				out.Profile = p.Text(identity.Accounts)
			}
		}
		if err := f(out); err != nil {
			return err
		}
	}
	return nil
}

// complete is an event as it was sent, with what was decided about it: its type, its
// messageId and its times.
func complete(e *journal.Event) (json.RawMessage, error) {
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(e.Body, &fields); err != nil {
		return nil, err
	}
	delete(fields, "writeKey") // a secret, where it was sent in the body
	delete(fields, "sentAt")
	for name, text := range map[string]string{"type": e.Type.String(), "messageId": e.MessageID, "timestamp": stamp(e.Time), "receivedAt": stamp(e.ReceivedAt)} {
		quoted, err := json.Marshal(text)
		if err != nil {
			return nil, err
		}
		fields[name] = quoted
	}
	return json.Marshal(fields)
}

func stamp(ns int64) string {
	return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}
