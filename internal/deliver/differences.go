package deliver

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
)

// said is what the ledger has of one (identifier, key).
type said struct {
	Value   json.RawMessage // nil: nothing is so (any more)
	Pending uint64          // the message that says it, while it is in the queue
}

// heard is what the ledger has of some identifiers: what each was told of each key.
type heard map[Identifier]map[string]said

// say is one difference between ledger and truth.
type say struct {
	Identifier Identifier
	About      subscribed
	Value      json.RawMessage // nil: it is so no more
	Since      int64
	Before     said
	// Silent: the ledger follows, and nobody is told.
	Silent bool
}

// hearing says which identifiers hear of a profile.
type hearing struct {
	// Types are the types of the identifiers that hear; nil: all user_ids of the
	// profile, or, if it has none, its anonymous_ids.
	Types []string
	// PerPerson: one of them does, and that of entries and values only.
	PerPerson bool
	// Needs is a type without which nobody hears, such as email.
	Needs string
}

// hearers are the identifiers of a profile that hear of it, in the profile's order.
func (h *hearing) hearers(p *Profile) []Identifier {
	if h.Needs != "" && !slices.ContainsFunc(p.Identifiers, func(id Identifier) bool { return id.Type == h.Needs }) {
		return nil
	}
	of := func(types ...string) (out []Identifier) {
		for _, id := range p.Identifiers {
			if slices.Contains(types, id.Type) {
				out = append(out, id)
			}
		}
		return out
	}
	switch {
	case len(h.Types) > 0:
		return of(h.Types...)
	case collectionOf(p.ID) == "accounts":
		return of("group_id")
	}
	if users := of("user_id"); len(users) > 0 {
		return users
	}
	if anonymous := of("anonymous_id"); len(anonymous) > 0 || !h.PerPerson {
		return anonymous
	}
	return p.Identifiers // a mail needs somebody to remember that it was sent to
}

// collectionOf reads the collection out of a profile's own ID.
func collectionOf(profile string) string {
	if len(profile) > 4 && profile[:4] == "acc_" {
		return "accounts"
	}
	return "users"
}

// differences compares what is true of a profile with what its identifiers were told
// of what is subscribed, and returns what has to be said, in the order in which it became
// so, then by name, then in the profile's order of identifiers. An identifier that was told something goes on
// hearing, also when others hear now.
//
// Per person, a value counts as said when any of the identifiers was told, and that it
// is so no more is not said.
func differences(p *Profile, about map[string]subscribed, h *hearing, told heard) []say {
	hearers := h.hearers(p)
	var out []say
	for name, sub := range about {
		value := p.Values[sub.Key.Name]
		if h.PerPerson {
			out = append(out, perPerson(p, name, sub, value, hearers, told)...)
			continue
		}
		for _, id := range p.Identifiers {
			before := told[id][name]
			if before.Value == nil && !slices.Contains(hearers, id) || bytes.Equal(before.Value, value.JSON) {
				continue
			}
			out = append(out, say{Identifier: id, About: sub, Value: value.JSON, Since: value.Since, Before: before})
		}
	}
	slices.SortStableFunc(out, func(a, b say) int {
		return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.About.Subscription.Name, b.About.Subscription.Name))
	})
	return out
}

// perPerson is differences of one name for a destination that tells each person once.
func perPerson(p *Profile, name string, sub subscribed, value Value, hearers []Identifier, told heard) (out []say) {
	for _, id := range p.Identifiers {
		before := told[id][name]
		if before.Value == nil {
			continue
		}
		if value.JSON != nil {
			return nil // the person knows
		}
		out = append(out, say{Identifier: id, About: sub, Since: value.Since, Before: before, Silent: true})
	}
	if value.JSON != nil && len(hearers) > 0 {
		out = append(out, say{Identifier: hearers[0], About: sub, Value: value.JSON, Since: value.Since, Before: told[hearers[0]][name]})
	}
	return out
}

// forgotten are the differences of an identifier that no profile has any more: what it
// was told is so no more.
func forgotten(id Identifier, about map[string]subscribed, h *hearing, told map[string]said, at int64) (out []say) {
	for name, before := range told {
		if sub, known := about[name]; known && before.Value != nil {
			out = append(out, say{Identifier: id, About: sub, Since: at, Before: before, Silent: h.PerPerson})
		}
	}
	slices.SortFunc(out, func(a, b say) int { return cmp.Compare(a.About.Subscription.Name, b.About.Subscription.Name) })
	return out
}
